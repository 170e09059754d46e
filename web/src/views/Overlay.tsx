// A map of numbers laid over an example's image: one colour above 0, the other below, nothing at 0.

import { useLayoutEffect, useRef } from "preact/hooks";
import { useAudit } from "./context";
import { sheetOf } from "./Picture";
import { byte } from "./Pixels";

/** Colours that are seen on dark and on light images. */
const [BELOW, ABOVE] = ["255,120,0", "45,150,255"];

export function Overlay({
  place = -1,
  under,
  values,
  width,
  limit,
  label,
  size = 72,
}: {
  /** The example's place on the page; the map alone where it is below 0. */
  place?: number;
  /** An image of bytes that isn't an example's. */
  under?: { values: ArrayLike<number>; width: number; planes: number };
  values: ArrayLike<number>;
  width: number;
  /** The number at which a colour covers the image. */
  limit: number;
  label: string;
  size?: number;
}) {
  const { images } = useAudit();
  const canvas = useRef<HTMLCanvasElement>(null);
  const height = Math.ceil(values.length / width);
  const sheet = !under && images?.sheet;
  const [wide, high] = sheet ? [images!.width!, images!.height!] : [width, height];
  // finer than both, so that cells and pixels have their edges
  const fine = Math.max(1, Math.round(160 / wide));
  useLayoutEffect(() => {
    const draw = (all?: ImageBitmap) => {
      const pen = canvas.current?.getContext("2d");
      if (!pen) return;
      const [w, h] = [wide * fine, high * fine];
      pen.imageSmoothingEnabled = false;
      pen.clearRect(0, 0, w, h);
      if (all)
        pen.drawImage(
          all,
          wide * (place % images!.across!),
          high * Math.floor(place / images!.across!),
          wide,
          high,
          0,
          0,
          w,
          h,
        );
      const fill = (colour: string, i: number, across: number, down: number) => {
        pen.fillStyle = colour;
        const [x, y] = [i % across, Math.floor(i / across)];
        const [left, top] = [Math.round((w * x) / across), Math.round((h * y) / down)];
        pen.fillRect(
          left,
          top,
          Math.round((w * (x + 1)) / across) - left,
          Math.round((h * (y + 1)) / down) - top,
        );
      };
      if (under) {
        const { values: bytes, planes, width: across } = under,
          count = bytes.length / planes;
        for (let i = 0; i < count; i++)
          fill(byte(bytes, i, planes), i, across, Math.ceil(count / across));
      }
      for (let i = 0; i < values.length; i++) {
        const share = Math.min(1, Math.abs(values[i]) / (limit || 1));
        fill(`rgba(${values[i] < 0 ? BELOW : ABOVE},${0.85 * share})`, i, width, height);
      }
    };
    if (sheet && place >= 0)
      sheetOf(images as Parameters<typeof sheetOf>[0]).then(draw, () => draw());
    else draw();
  }, [place, under, values, limit]);
  return (
    <canvas
      ref={canvas}
      class="pixels"
      width={wide * fine}
      height={high * fine}
      role="img"
      aria-label={label}
      title={label}
      style={{ width: `${size}px`, height: `${(size * high) / wide}px` }}
    />
  );
}
