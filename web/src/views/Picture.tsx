// One example's image, cut from the sheet that holds them all.

import { useLayoutEffect, useRef } from "preact/hooks";
import type { Images, Sheet } from "../data";
import { to } from "../route";
import { shown } from "../wording";
import { useAudit } from "./context";
import { Example } from "./Example";

let sheet: Promise<ImageBitmap> | null = null;

/** The sheet of all pictures, decoded once. */
export function sheetOf(images: Images): Promise<ImageBitmap> {
  sheet ??= new Promise((done, failed) => {
    const picture = new Image();
    picture.onload = () => createImageBitmap(picture).then(done, failed);
    picture.onerror = failed;
    picture.src = images.sheet!;
  });
  return sheet;
}

/** Rows and columns of the input that a unit sees. */
export interface Box {
  top: number;
  left: number;
  height: number;
  width: number;
}

/** An example of the page, and the part of it that is meant. */
export interface Part {
  place: number;
  box?: Box;
  /** Where along a text or a series a unit's value is largest, and how much it sees from there. */
  mark?: number;
  span?: number;
}

interface Shown extends Part {
  value?: number;
  size?: number;
  crop?: boolean;
}

/** One example, as what it is: a picture, a text, a row of features, the curves of a series. */
export function Picture(given: Shown) {
  const audit = useAudit(),
    { place, value } = given;
  const images = audit.images!;
  const label = audit.outline.classes[images.labels[place]] ?? "?";
  const words = `example ${images.examples[place]} of class ${label}${value === undefined ? "" : `, activation ${shown(value)}`}`;
  return (
    <a
      class={images.sheet ? "picture" : "picture plain"}
      href={to.image(images.examples[place])}
      title={words}
    >
      <Thumb {...given} words={words} />
    </a>
  );
}

/** The same without a link. */
export function Thumb(given: Shown & { words: string }) {
  const { images } = useAudit(),
    { place, size = 44, mark, span, words } = given;
  if (images!.sheet) return <Cut {...given} images={images as Images & Sheet} />;
  return (
    <>
      <Example place={place} mark={mark} span={span} large={size > 100} />
      <span class="sr">{words}</span>
    </>
  );
}

function Cut({
  place,
  size = 44,
  box,
  crop,
  images,
  words,
}: Shown & { images: Images & Sheet; words: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  // finer than the picture, so that an outline is thinner than its pixels
  const fine = Math.max(1, Math.round((2 * size) / images.width));
  useLayoutEffect(() => {
    sheetOf(images).then(
      (all) => {
        const { width: w, height: h, across } = images;
        const pen = canvas.current?.getContext("2d");
        if (!pen) return;
        const [left, top] = [w * (place % across), h * Math.floor(place / across)];
        const [high, wide] = images.plane;
        const seen = box && {
          x: (w * box.left) / wide,
          y: (h * box.top) / high,
          w: (w * box.width) / wide,
          h: (h * box.height) / high,
        };
        pen.imageSmoothingEnabled = false;
        if (seen && crop)
          pen.drawImage(all, left + seen.x, top + seen.y, seen.w, seen.h, 0, 0, w * fine, h * fine);
        else pen.drawImage(all, left, top, w, h, 0, 0, w * fine, h * fine);
        if (!seen || crop || (seen.w >= w && seen.h >= h)) return;
        Object.assign(pen, { strokeStyle: "#e69f00", lineWidth: 3 });
        pen.strokeRect(seen.x * fine, seen.y * fine, seen.w * fine, seen.h * fine);
      },
      () => undefined,
    );
  }, [place, crop, box?.top, box?.left]);
  return (
    <canvas
      ref={canvas}
      width={images.width * fine}
      height={images.height * fine}
      role="img"
      aria-label={words}
      style={{ width: `${size}px`, height: `${(size * images.height) / images.width}px` }}
    />
  );
}
