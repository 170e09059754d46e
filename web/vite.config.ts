import { defineConfig } from "vite";

// One classic script and one style sheet; the report's writer puts both into its page.
const live = process.env.PAGE === "live";

export default defineConfig({
  resolve: { alias: { "d3-geo": new URL("src/no-maps.ts", import.meta.url).pathname } },
  build: {
    outDir: "../src/holistic/report/_web",
    emptyOutDir: !live,
    target: "es2022",
    lib: { entry: live ? "src/live/index.tsx" : "src/app.ts", formats: ["iife"], name: "holistic", fileName: () => `${live ? "live" : "app"}.js`, cssFileName: "app" },
    // Plot's index hangs methods on its marks that nothing here calls; without it less is kept.
    rollupOptions: { treeshake: { moduleSideEffects: (id) => !id.includes("plot/src/index") } },
  },
  define: { "process.env.NODE_ENV": '"production"' },
  test: { include: ["test/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
