/**
 * The labels of earthgql for maps of one's own: docs/map.md, "In a page of your own".
 *
 * Built as `/static/earthgql-layers.js`, a module without dependencies.
 */

export * from './layers/labelPaint';
export * from './layers/labels';
export * from './layers/scale';
