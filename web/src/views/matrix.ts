// A square of numbers as cells of a map: what stands in its rows stands in its columns.

import type { Palette } from "../colour";
import { type Cells, lattice } from "./Grid";

const TOP = 20;

export interface Square {
  /** Rows and columns, by their place in the array. */
  order: number[];
  value(row: number, column: number): number;
  limit: number;
  /** Places in the order before which a line is drawn. */
  cuts: number[];
  /** What its rows and its columns are. */
  title: string;
  lines(row: number, column: number): string[];
  open(row: number): void;
}

export function square(
  { order, value, limit, cuts, title, lines, open }: Square,
  room: number,
): Cells {
  const count = order.length,
    size = Math.max(1, Math.min(14, Math.floor(room / Math.max(1, count))));
  const side = size * count;
  const pair = (cell: number): [number, number] => [
    order[Math.floor(cell / count)],
    order[cell % count],
  ];
  return {
    width: side,
    height: side + 2 * TOP,
    ...lattice(0, TOP, size, size, count, count),
    lines: (cell) => lines(...pair(cell)),
    open: (cell) => open(pair(cell)[0]),
    draw(pen, _left, _right, by) {
      const sheet = Object.assign(document.createElement("canvas"), {
        width: count,
        height: count,
      });
      const image = new ImageData(count, count);
      for (let cell = 0; cell < count * count; cell++)
        image.data.set(mixed(value(...pair(cell)), limit, by), 4 * cell);
      sheet.getContext("2d")!.putImageData(image, 0, 0);
      pen.imageSmoothingEnabled = false;
      pen.drawImage(sheet, 0, TOP, side, side);
      pen.strokeStyle = by.ink;
      pen.lineWidth = 1;
      pen.beginPath();
      for (const cut of cuts) {
        pen.moveTo(0, TOP + cut * size);
        pen.lineTo(side, TOP + cut * size);
        pen.moveTo(cut * size, TOP);
        pen.lineTo(cut * size, TOP + side);
      }
      pen.stroke();
      pen.fillStyle = by.ink;
      pen.textAlign = "left";
      pen.fillText(`${title} ↓`, 0, 8);
      pen.fillText(`${title} →`, 0, side + TOP + 10);
    },
  };
}

function mixed(value: number, limit: number, by: Palette): [number, number, number, number] {
  if (!Number.isFinite(value)) return [...by.paper, 255];
  const share = Math.min(1, Math.abs(value) / limit),
    end = value < 0 ? by.low : by.high;
  const [r, g, b] = by.paper.map((c, i) => Math.round(c + (end[i] - c) * share));
  return [r, g, b, 255];
}
