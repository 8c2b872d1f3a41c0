export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A copy with the value at one key replaced. */
export function replaced(json: Json[] | { [key: string]: Json }, key: string, value: Json): Json {
  return Array.isArray(json) ? json.map((item, k) => (String(k) === key ? value : item)) : { ...json, [key]: value };
}

/** A copy with the value at a path like `/proof/points/0/x` replaced. */
export function replaceAt(json: Json, path: string, value: Json): Json {
  if (path === '') return value;
  const [, key = '', rest = ''] = /^\/([^/]+)(.*)$/.exec(path) ?? [];
  if (typeof json !== 'object' || json === null) throw new Error(`no field ${path}`);
  const child = Array.isArray(json) ? json[Number(key)] : json[key];
  if (child === undefined) throw new Error(`no field ${path}`);
  return replaced(json, key, replaceAt(child, rest, value));
}
