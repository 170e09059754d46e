// A figure as one drawing to take along: its pictures, words and colours in their places, title and caption around them.

const NS = "http://www.w3.org/2000/svg";
const LEFT_OUT =
  "svg *, .sr, .tip, button, select, label:has(:not(:checked)[type=checkbox]), details:not([open]) > :not(summary)";
const MARGIN = 12,
  LINE = 18,
  LEAST = 420;

/** A canvas that shows a part of its map at a time, and can draw all of it. */
interface Whole extends HTMLCanvasElement {
  whole?(): { drawn: HTMLCanvasElement; width: number; height: number };
}

/** The figure in the box as an SVG that stands alone, and its size. */
export function standalone(
  box: HTMLElement,
  title: string,
  caption: string,
): { svg: Blob; width: number; height: number } {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
  const root = getComputedStyle(document.documentElement),
    body = getComputedStyle(document.body);
  const svg = document.createElementNS(NS, "svg");
  const add = (name: string, at: Record<string, string | number>, words = "") => {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(at)) made.setAttribute(key, String(value));
    made.textContent = words;
    svg.append(made);
  };
  const places: DOMRect[] = [];
  const origin = box.getBoundingClientRect(),
    top = MARGIN + 1.5 * LINE;
  const at = (rect: DOMRect) => {
    places.push(rect);
    return { x: rect.left - origin.left + MARGIN, y: rect.top - origin.top + top };
  };
  const seen = (rect: DOMRect) => rect.width > 0 && rect.height > 0;

  for (const cell of box.querySelectorAll("td, i, b")) {
    const rect = cell.getBoundingClientRect(),
      fill = plainColour(pen, getComputedStyle(cell).backgroundColor);
    if (fill && seen(rect))
      add("rect", { ...at(rect), width: rect.width, height: rect.height, ...fill });
  }
  for (const drawn of box.querySelectorAll<HTMLCanvasElement | SVGElement>("canvas, svg")) {
    const rect = drawn.getBoundingClientRect();
    if (!seen(rect)) continue;
    const place = { ...at(rect), width: rect.width, height: rect.height };
    const whole = (drawn as Whole).whole?.();
    if (whole) {
      places.push(new DOMRect(rect.left, rect.top, whole.width, whole.height));
      add("image", {
        ...place,
        width: whole.width,
        height: whole.height,
        href: whole.drawn.toDataURL(),
      });
    } else if (drawn instanceof HTMLCanvasElement)
      add("image", { ...place, href: drawn.toDataURL(), "image-rendering": "pixelated" });
    else {
      const copy = drawn.cloneNode(true) as SVGElement;
      for (const [key, value] of Object.entries({ ...place, color: getComputedStyle(drawn).color }))
        copy.setAttribute(key, String(value));
      svg.append(copy);
    }
  }
  const texts = document.createTreeWalker(box, NodeFilter.SHOW_TEXT),
    range = document.createRange();
  while (texts.nextNode()) {
    const node = texts.currentNode,
      parent = node.parentElement!;
    if (parent.closest(LEFT_OUT)) continue;
    const style = getComputedStyle(parent);
    for (const word of node.textContent!.matchAll(/\S+/g)) {
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const rect = range.getBoundingClientRect(),
        place = at(rect);
      if (seen(rect))
        add(
          "text",
          {
            x: place.x,
            y: place.y + 0.78 * rect.height,
            "font-size": style.fontSize,
            "font-weight": style.fontWeight,
            fill: style.color,
          },
          word[0],
        );
    }
  }
  for (const pick of box.querySelectorAll("select")) {
    const rect = pick.getBoundingClientRect(),
      place = at(rect);
    if (seen(rect))
      add(
        "text",
        {
          x: place.x,
          y: place.y + 0.68 * rect.height,
          "font-size": getComputedStyle(pick).fontSize,
          "font-weight": 600,
          fill: body.color,
        },
        pick.selectedOptions[0]?.textContent ?? "",
      );
  }
  const width = Math.max(LEAST, ...places.map((p) => p.right - origin.left)) + 2 * MARGIN;
  let height = Math.max(0, ...places.map((p) => p.bottom - origin.top)) + top + LINE;
  add(
    "text",
    { x: MARGIN, y: MARGIN + LINE - 6, "font-size": 14, "font-weight": 600, fill: body.color },
    title,
  );
  pen.font = "12px system-ui, sans-serif";
  for (const line of wrapped(
    caption,
    (words) => pen.measureText(words).width <= width - 2 * MARGIN,
  )) {
    add("text", { x: MARGIN, y: height, "font-size": 12, fill: body.color }, line);
    height += LINE;
  }
  const size = { width: Math.ceil(width), height: Math.ceil(height) };
  for (const [key, value] of Object.entries({
    xmlns: NS,
    ...size,
    "font-family": "system-ui, sans-serif",
  }))
    svg.setAttribute(key, String(value));
  const paper = document.createElementNS(NS, "rect");
  for (const [key, value] of Object.entries({
    width: "100%",
    height: "100%",
    fill: body.backgroundColor,
  }))
    paper.setAttribute(key, value);
  svg.prepend(paper);
  // the page's colours are names that no other program knows
  const text = new XMLSerializer()
    .serializeToString(svg)
    .replace(/var\((--\w+)\)/g, (_, name) => root.getPropertyValue(name).trim());
  return { svg: new Blob([text], { type: "image/svg+xml" }), ...size };
}

/** The same as pixels, two to a dot. */
export async function pixels({
  svg,
  width,
  height,
}: ReturnType<typeof standalone>): Promise<Blob | null> {
  const picture = new Image(),
    copy = Object.assign(document.createElement("canvas"), {
      width: 2 * width,
      height: 2 * height,
    });
  picture.src = URL.createObjectURL(svg);
  await picture.decode();
  URL.revokeObjectURL(picture.src);
  copy.getContext("2d")!.drawImage(picture, 0, 0, copy.width, copy.height);
  return new Promise((done) => copy.toBlob(done));
}

/** Words in lines that fit. */
export function wrapped(words: string, fits: (line: string) => boolean): string[] {
  const lines: string[] = [];
  for (const word of words.split(" ")) {
    const longer = `${lines[lines.length - 1]} ${word}`;
    if (lines.length && fits(longer)) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Any colour of the page as red, green, blue and opacity; nothing where it can't be seen. */
function plainColour(
  pen: CanvasRenderingContext2D,
  colour: string,
): { fill: string; "fill-opacity": number } | null {
  pen.clearRect(0, 0, 1, 1);
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
  return a ? { fill: `rgb(${r},${g},${b})`, "fill-opacity": a / 255 } : null;
}
