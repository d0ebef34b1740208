/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** Where the API is, if not on the page's own origin. */
  readonly VITE_EARTHGQL_URL?: string;
}
