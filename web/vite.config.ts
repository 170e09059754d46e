import { defineConfig } from "vite";

// One classic script and one style sheet for either page; the report's writer puts both into it.
const live = process.env.PAGE === "live";

// Parts of Plot that no picture here asks for, by the paths that its files name them by.
const d3 = /^d3-(geo|time|time-format)$/;
const plot =
  /^\.{1,2}\/(time|curve|facet|marker|projection)\.js$|^\.\/(scales\/)?(schemes|diverging)\.js$|^\.\.\/transforms\/(bin|stack)\.js$|^\.\/legends\/ramp\.js$/;
const standIn = (name: string) => new URL(`src/left-out/${name}.ts`, import.meta.url).pathname;
const leftOut = {
  name: "left-out",
  enforce: "pre" as const,
  resolveId: (source: string, importer = "") =>
    d3.test(source)
      ? standIn("d3")
      : !importer.includes("/plot/src/")
        ? null
        : source === "d3"
          ? standIn("scales")
          : plot.test(source)
            ? standIn("plot")
            : null,
  transform(code: string, id: string) {
    // Curves are made by functions that are called at once; marked as pure, those that nothing uses go.
    // Methods of all curves but straight lines are put on prototypes, which would keep them.
    if (id.includes("/d3-shape/"))
      return code
        .replaceAll("= (function", "= /* @__PURE__ */ (function")
        .replace(/^(?!Linear\.)\w+\.prototype = \{\n[\s\S]*?\n\};\n/gm, "")
        .replace(/^\(MonotoneY\.prototype[\s\S]*?\n\};?\n/m, "");
    if (id.includes("/d3-selection/"))
      code = code.replace(/^Local\.prototype = [\s\S]*?\n\};\n/m, "");
    // What Plot never asks of a selection hangs on its prototype, where nothing else takes it away.
    if (id.includes("/d3-selection/"))
      return code.replace(
        /^ {2}(selectChild|exit|join|merge|order|sort|nodes|size|empty|classed|html|raise|lower|clone|dispatch|on|remove): selection_\w+,\n/gm,
        "",
      );
    // No picture here names a colour as CSS does.
    if (id.includes("/d3-color/"))
      return code
        .replace(/aliceblue: [^}]*/, "")
        .replace(/^define\((Lab|Hcl|Cubehelix), [\s\S]*?\n\}\)\);\n/gm, "");
    // Colours are mixed by red, green and blue alone, and nothing is zoomed.
    if (id.includes("/d3-interpolate/"))
      return code
        .replace(/^var (\w+) = (hsl|hcl|cubehelix|rgbSpline)\(/gm, "var $1 = /* @__PURE__ */ $2(")
        .replace(/= \(function (zoomRho|rgbGamma)/g, "= /* @__PURE__ */ (function $1");
    return id.includes("/plot/src/options.js") ? code.replace(/,aliceblue,[^"]*/, "") : null;
  },
};

export default defineConfig({
  plugins: [leftOut],
  build: {
    outDir: "../src/holistic/report/_web",
    emptyOutDir: !live,
    target: "es2022",
    lib: {
      entry: live ? "src/live/index.tsx" : "src/app.ts",
      formats: ["iife"],
      name: "holistic",
      fileName: () => `${live ? "live" : "app"}.js`,
      cssFileName: live ? "live" : "app",
    },
    // Plot's index hangs methods on its marks that nothing here calls; without it less is kept.
    rollupOptions: { treeshake: { moduleSideEffects: (id) => !id.includes("plot/src/index") } },
  },
  define: { "process.env.NODE_ENV": '"production"' },
  test: { include: ["test/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
