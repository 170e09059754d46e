// One example's image, cut from the sheet that holds them all.

import { useLayoutEffect, useRef } from "preact/hooks";
import { shown, type Images } from "../data";
import { to } from "../route";
import { useAudit } from "./context";

let sheet: Promise<ImageBitmap> | null = null;

function loaded(images: Images): Promise<ImageBitmap> {
  sheet ??= new Promise((done, failed) => {
    const picture = new Image();
    picture.onload = () => createImageBitmap(picture).then(done, failed);
    picture.onerror = failed;
    picture.src = images.sheet;
  });
  return sheet;
}

export function Picture({ place, value, size = 44 }: { place: number; value?: number; size?: number }) {
  const audit = useAudit();
  const images = audit.images!;
  const canvas = useRef<HTMLCanvasElement>(null);
  const label = audit.outline.classes[images.labels[place]] ?? "?";
  const words = `example ${images.examples[place]} of class ${label}${value === undefined ? "" : `, activation ${shown(value)}`}`;
  useLayoutEffect(() => {
    loaded(images).then((all) => {
      const { width: w, height: h, across } = images;
      canvas.current?.getContext("2d")!.drawImage(all, w * (place % across), h * Math.floor(place / across), w, h, 0, 0, w, h);
    }, () => undefined);
  }, [place]);
  return (
    <a class="picture" href={to.image(place)} title={words}>
      <canvas ref={canvas} width={images.width} height={images.height} role="img" aria-label={words} style={{ width: `${size}px`, height: `${(size * images.height) / images.width}px` }} />
    </a>
  );
}
