/** In the place of JupyterLab's web components; see vitest.config.ts. */

const nothing = () => undefined;

export const addJupyterLabThemeChangeListener = nothing;
export const jpButton = nothing;
export const jpToolbar = nothing;
export const provideJupyterDesignSystem = () => ({ register: nothing });
