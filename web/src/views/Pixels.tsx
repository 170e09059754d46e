// A small picture of an array: signed numbers in the page's two colours, or bytes as greys or red, green and blue.

import { useLayoutEffect, useRef } from "preact/hooks";
import { colour, onTheme, palette } from "../colour";

const [CELL, TALL, MOST] = [5, 16, 240];

/** The colour of a pixel of bytes: of grey, or of red, green and blue. */
export const byte = (values: ArrayLike<number>, i: number, planes: number) =>
  `rgb(${[0, 1, 2].map((c) => values[i * planes + (c % planes)])})`;

/** `values` row by row, `width` to a row; colours are full at ±`limit`, and without it bytes are greys, or of 3 `planes`. */
export function Pixels({
  values,
  width,
  label,
  limit,
  planes = 1,
  size = 56,
  high,
  smooth = false,
}: {
  values: ArrayLike<number>;
  width: number;
  label: string;
  limit?: number;
  planes?: number;
  size?: number;
  /** Its height, where its cells aren't square. */
  high?: number;
  /** Whether its cells flow into one another: they overlap. */
  smooth?: boolean;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const count = values.length / planes,
    height = Math.ceil(count / width);
  // a row of features is no picture: every feature gets a cell that can be seen
  const [across, down] =
    height === 1
      ? [Math.min(MOST, Math.max(size, CELL * width)), TALL]
      : [size, (size * height) / width];
  useLayoutEffect(() => {
    const draw = () => {
      const pen = canvas.current!.getContext("2d")!,
        by = palette();
      for (let i = 0; i < count; i++) {
        pen.fillStyle =
          limit === undefined ? byte(values, i, planes) : colour(values[i], limit, by);
        pen.fillRect(i % width, Math.floor(i / width), 1, 1);
      }
    };
    draw();
    return onTheme(draw);
  }, [values, width, limit, planes]);
  return (
    <canvas
      ref={canvas}
      class={smooth ? "pixels smooth" : "pixels"}
      width={width}
      height={height}
      role="img"
      aria-label={label}
      title={label}
      style={{ width: `${across}px`, height: `${high ?? down}px` }}
    />
  );
}
