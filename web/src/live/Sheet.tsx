// A sheet to draw on, or to put a picture on, that is averaged down to the size of an input.

import { useEffect, useRef, useState } from "preact/hooks";
import type { State } from "./server";

const SIZE = 224;

/** Planes that a sheet can fill: one of greys, or red, green and blue. */
export function drawable(shape: number[]): boolean {
  return shape.length === 3 && (shape[0] === 1 || shape[0] === 3);
}

/** Planes of the sheet's pixels, from the data's lowest value for black to its highest for white. */
function planes(
  data: Uint8ClampedArray,
  [count, high, wide]: number[],
  [low, top]: [number, number],
): number[][][] {
  const value = (i: number, plane: number) => {
    // one plane: brightness (ITU-R BT.601)
    const light =
      count === 3 ? data[i + plane] : 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
    return low + ((top - low) * light) / 255;
  };
  return Array.from({ length: count }, (_, p) =>
    Array.from({ length: high }, (_, y) =>
      Array.from({ length: wide }, (_, x) => value(4 * (y * wide + x), p)),
    ),
  );
}

export function Sheet({
  state,
  drawn,
  clear,
}: {
  state: State;
  drawn: (image: number[][][]) => void;
  clear: () => void;
}) {
  const sheet = useRef<HTMLCanvasElement>(null);
  const [trouble, setTrouble] = useState("");
  const last = useRef<[number, number] | null>(null);
  const [, high, wide] = state.shape;
  const pen = () => sheet.current!.getContext("2d", { willReadFrequently: true })!;
  const empty = () => {
    pen().fillStyle = "#000";
    pen().fillRect(0, 0, SIZE, SIZE);
  };
  useEffect(empty, []);
  const stroke = (e: PointerEvent) => {
    if (!last.current) return;
    Object.assign(pen(), { strokeStyle: "#fff", lineWidth: SIZE / 12, lineCap: "round" });
    pen().beginPath();
    pen().moveTo(...last.current);
    pen().lineTo(e.offsetX, e.offsetY);
    pen().stroke();
    last.current = [e.offsetX, e.offsetY];
  };
  const done = () => {
    if (!last.current) return;
    last.current = null;
    taken();
  };
  const upload = async (file?: File) => {
    if (!file) return;
    const picture = await createImageBitmap(file).catch(() => null);
    setTrouble(picture ? "" : "The browser can't read this file as a picture.");
    if (!picture) return;
    empty();
    const share = Math.min(SIZE / picture.width, SIZE / picture.height);
    const [w, h] = [share * picture.width, share * picture.height];
    pen().drawImage(picture, (SIZE - w) / 2, (SIZE - h) / 2, w, h);
    taken();
  };
  const invert = () => {
    Object.assign(pen(), { globalCompositeOperation: "difference", fillStyle: "#fff" });
    pen().fillRect(0, 0, SIZE, SIZE);
    pen().globalCompositeOperation = "source-over";
    taken();
  };
  const taken = () => {
    const [first, ...rest] = pen()
      .getImageData(0, 0, SIZE, SIZE)
      .data.filter((_, i) => i % 4 < 3);
    // a sheet of one colour holds nothing to ask about
    if (rest.every((value) => value === first)) return clear();
    const small = Object.assign(document.createElement("canvas"), { width: wide, height: high });
    const to = small.getContext("2d")!;
    Object.assign(to, { imageSmoothingEnabled: true, imageSmoothingQuality: "high" });
    to.drawImage(sheet.current!, 0, 0, wide, high);
    const { data } = to.getImageData(0, 0, wide, high);
    drawn(planes(data, state.shape, state.range));
  };
  return (
    <div>
      <canvas
        ref={sheet}
        width={SIZE}
        height={SIZE}
        class="sheet"
        role="img"
        aria-label="Sheet to draw on with the pointer"
        style={{ width: `${SIZE}px`, height: `${SIZE}px` }}
        onPointerDown={(e) => {
          last.current = [e.offsetX, e.offsetY];
          sheet.current!.setPointerCapture(e.pointerId);
          stroke(e);
        }}
        onPointerMove={stroke}
        onPointerUp={done}
      />
      <p class="tools">
        <button
          type="button"
          onClick={() => {
            empty();
            clear();
          }}
        >
          clear
        </button>{" "}
        <button type="button" onClick={invert}>
          invert
        </button>{" "}
        as large as the examples are
      </p>
      <p class="tools">
        <label>
          or a picture{" "}
          <input
            type="file"
            accept="image/*"
            onChange={(e) => {
              upload(e.currentTarget.files?.[0]);
              e.currentTarget.value = "";
            }}
          />
        </label>
      </p>
      {trouble && (
        <p class="caveat" role="alert">
          {trouble}
        </p>
      )}
    </div>
  );
}
