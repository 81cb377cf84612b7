/** Finds the descriptors that reflection is asked for, by file and by symbol. */

import { decodeMessage, many, message, one } from '../protocol/protobuf/small-message.ts';

export interface DescriptorIndex {
  /** The file of this name and all that it imports, itself first; undefined when there is none. */
  byFile(name: string): readonly Uint8Array[] | undefined;
  /** Of the file that holds a service, method, message or enum of this full name. */
  bySymbol(name: string): readonly Uint8Array[] | undefined;
}

interface Named {
  readonly name: string;
}

interface NamedMessage extends Named {
  readonly messages?: readonly NamedMessage[];
  readonly enums?: readonly Named[];
}

interface FileDescriptor extends Named {
  readonly package: string;
  readonly imports: readonly string[];
  readonly messages: readonly NamedMessage[];
  readonly enums: readonly Named[];
  readonly services: readonly (Named & { readonly methods: readonly Named[] })[];
}

const named = message({ name: one(1, 'string') });
const deepest = message({
  name: one(1, 'string'),
  messages: many(3, named),
  enums: many(4, named),
});
const outer = message({
  name: one(1, 'string'),
  messages: many(3, deepest),
  enums: many(4, named),
});

/** What is needed of google.protobuf.FileDescriptorProto. */
const fileDescriptor = message({
  name: one(1, 'string'),
  package: one(2, 'string'),
  imports: many(3, 'string'),
  messages: many(4, outer),
  enums: many(5, named),
  services: many(6, message({ name: one(1, 'string'), methods: many(2, named) })),
});

function symbolsOf(space: string, { name, messages = [], enums = [] }: NamedMessage): string[] {
  const full = `${space}.${name}`;
  return [
    full,
    ...enums.map((inner) => `${full}.${inner.name}`),
    ...messages.flatMap((inner) => symbolsOf(full, inner)),
  ];
}

function symbolsIn({ package: space, messages, enums, services }: FileDescriptor): string[] {
  return [
    ...messages.flatMap((inner) => symbolsOf(space, inner)),
    ...enums.map(({ name }) => `${space}.${name}`),
    ...services.flatMap(({ name, methods }) => [
      `${space}.${name}`,
      ...methods.map((method) => `${space}.${name}.${method.name}`),
    ]),
  ];
}

export function createDescriptorIndex(
  given: readonly { readonly name: string; readonly base64: string }[],
): DescriptorIndex {
  const files = new Map(given.map(({ name, base64 }) => [name, Buffer.from(base64, 'base64')]));
  const described = new Map(
    [...files].map(([name, bytes]) => [name, decodeMessage<FileDescriptor>(fileDescriptor, bytes)]),
  );
  const fileOf = new Map(
    [...described].flatMap(([name, file]) => symbolsIn(file).map((symbol) => [symbol, name])),
  );

  function collect(name: string, into: Set<string>): void {
    if (into.has(name)) return;
    into.add(name);
    for (const imported of described.get(name)?.imports ?? []) collect(imported, into);
  }

  function byFile(name: string): Uint8Array[] | undefined {
    if (!files.has(name)) return undefined;
    const wanted = new Set<string>();
    collect(name, wanted);
    return [...wanted].flatMap((one) => files.get(one) ?? []);
  }

  return {
    byFile,
    bySymbol(symbol) {
      const name = fileOf.get(symbol);
      return name === undefined ? undefined : byFile(name);
    },
  };
}
