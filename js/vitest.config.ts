import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  resolve: {
    // JupyterLab's cell models come with its toolbar buttons, which need a browser's style sheets; no test draws one.
    alias: [{ find: /^@jupyter\/(web|react)-components$/, replacement: `${import.meta.dirname}/test/no-buttons.ts` }],
  },
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    server: { deps: { inline: [/@jupyter/, /@lumino/] } }, // they import without file endings
  },
});
