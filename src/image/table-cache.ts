/** Keeps the tables of the sizes seen last, so that pictures of one size compute them once. */

const maxTables = 32;

export interface TableCache<T> {
  get(key: string, make: () => T): T;
}

export function createTableCache<T>(): TableCache<T> {
  const tables = new Map<string, T>();
  return {
    get(key, make) {
      const table = tables.get(key) ?? make();
      tables.delete(key);
      tables.set(key, table);
      if (tables.size > maxTables) tables.delete(tables.keys().next().value as string);
      return table;
    },
  };
}
