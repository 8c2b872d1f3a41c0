import { join, normalize } from 'node:path';
import ts from 'typescript';
import { read } from './repository.js';

/** From each file to the files of its workspace that it imports, imports of types included. */
export function importGraph(paths: readonly string[]): Map<string, string[]> {
  return new Map(paths.map((path) => {
    const imported = ts.preProcessFile(read(path)).importedFiles.map(({ fileName }) => fileName);
    const own = imported.filter((name) => name.startsWith('.'));
    return [path, own.map((name) => normalize(join(path, '..', name)).replace(/\.js$/, '.ts'))];
  }));
}

/** A path from a file back to itself, or `undefined` when the graph has none. */
export function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const finished = new Set<string>();
  function visit(file: string, path: readonly string[]): string[] | undefined {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (finished.has(file)) return undefined;
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(file);
    return undefined;
  }
  for (const file of graph.keys()) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
