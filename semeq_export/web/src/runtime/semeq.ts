/** Words to EQ in the browser and in Node: `Model` decodes, `SemeqNode` plays, `Stream` plays without Web Audio. */
export { SemeqError } from "./errors.js";
export type { Band, Dose, Eq, Kind, Mix, ModelFiles, Monitor } from "./types.js";
export { Model } from "./model.js";
export { Stream } from "./stream.js";
export { type NodeOptions, SemeqNode } from "./node.js";
