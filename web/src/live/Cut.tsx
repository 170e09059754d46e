// Pictures of examples, which the server sends side by side on one sheet.

import { useEffect, useRef, useState } from "preact/hooks";
import { ask, type Pictures } from "./server";

export interface Sheet {
  image: HTMLImageElement;
  pictures: Pictures;
  key: string;
}

/** The sheet of these examples, asked for when they change; nothing for inputs that aren't pictures. */
export function useSheet(examples: number[]): Sheet | null {
  const [sheet, setSheet] = useState<Sheet | null>(null);
  const key = examples.join();
  useEffect(() => {
    if (!examples.length) return;
    let gone = false; // an older answer mustn't take a newer one's place
    ask<Pictures>("pictures", { examples })
      .then(async (pictures) => {
        if (!pictures.sheet) return; // inputs that aren't pictures
        const image = Object.assign(new Image(), { src: pictures.sheet });
        await image.decode();
        if (!gone) setSheet({ image, pictures, key });
      })
      .catch(() => undefined);
    return () => {
      gone = true;
    };
  }, [key]);
  return sheet?.key === key ? sheet : null;
}

/** One picture of a sheet. */
export function Cut({
  sheet: { image, pictures },
  place,
  label,
  size = 44,
}: {
  sheet: Sheet;
  place: number;
  label: string;
  size?: number;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = pictures;
  useEffect(
    () =>
      canvas.current
        ?.getContext("2d")
        ?.drawImage(image, width * place, 0, width, height, 0, 0, width, height),
    [image, place],
  );
  return (
    <canvas
      ref={canvas}
      class="pixels"
      width={width}
      height={height}
      role="img"
      aria-label={label}
      style={{ width: `${size}px`, height: `${(size * height) / width}px` }}
    />
  );
}
