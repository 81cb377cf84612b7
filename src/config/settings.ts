/**
 * The server's settings: command line over environment (MODELSHIP_…) over config file over default.
 * Parse → validate (all problems at once) → complete → freeze.
 *
 * Does not read the environment or the disk itself: both are handed in.
 */

import { inspect } from 'node:util';
import { z } from 'zod';
import { ServingError } from '../errors.ts';
import { meantName } from '../validation/closest-names.ts';
import { expectationOf } from '../validation/own-words.ts';
import { byteSize } from './model-yaml.ts';

/** A number, or the digits of one: `Number` itself makes 0 of an empty text and of nothing. */
const integer = (low: number, high: number) => {
  const expected = `expected a whole number from ${low} to ${high}`;
  return z.preprocess(
    (value) => (typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value),
    z.int(expected).min(low, expected).max(high, expected),
  );
};

const flag = z.preprocess((value) => {
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  return value;
}, z.boolean('expected true or false'));

const hosts = z.preprocess(
  (value) =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((host) => host.trim())
          .filter(Boolean)
      : value,
  z.array(z.string()),
);

const port = integer(0, 65535);

/** One row a setting: the schema with its default, and how the command line shows it. */
export const settingsTable = {
  path: {
    schema: z.string().min(1).default('models'),
    help: 'a model file, a model folder or a folder of models',
    value: 'PATH',
  },
  host: {
    schema: z.string().min(1).default('127.0.0.1'),
    help: 'address to listen on; 0.0.0.0 opens it to the network',
    value: 'ADDRESS',
  },
  port: { schema: port.default(8080), help: 'HTTP port; 0 takes a free one', value: 'PORT' },
  grpcPort: {
    schema: port.default(9000),
    help: 'gRPC port; 0 takes a free one',
    value: 'PORT',
  },
  grpc: {
    schema: flag.default(true),
    help: 'turn off gRPC: only HTTP is served',
    negated: true,
  },
  grpcKeepaliveMs: {
    schema: integer(1000, 2_147_483_646).default(60_000),
    help: 'how often a silent gRPC connection is asked whether it lives',
    value: 'MS',
  },
  grpcMaxAgeMs: {
    schema: integer(1000, 2_147_483_646).optional(),
    help: 'gRPC connections end after so long, for clients to spread anew; default: never',
    value: 'MS',
  },
  instances: {
    schema: integer(1, 1024).optional(),
    help: 'runner processes for each model; default: shares the cores',
    value: 'N',
  },
  threads: {
    schema: integer(1, 1024).optional(),
    help: 'threads of one run; default: shares the cores',
    value: 'N',
  },
  cacheDir: {
    schema: z.string().min(1).optional(),
    help: 'folder of optimised model copies; default: the user cache folder',
    value: 'DIR',
  },
  cacheSize: {
    schema: byteSize('64MB').default(20 * 1024 ** 3),
    help: 'the most that the cache folder may hold',
    value: 'SIZE',
  },
  logLevel: {
    schema: z
      .enum(
        ['debug', 'info', 'warn', 'error', 'silent'],
        'expected debug, info, warn, error or silent',
      )
      .default('info'),
    help: 'debug, info, warn, error or silent',
    value: 'LEVEL',
  },
  defaultModel: {
    schema: z.string().optional(),
    help: 'the model that POST /predict asks when several serve',
    value: 'NAME',
  },
  modelControl: {
    schema: z.enum(['none', 'poll', 'explicit'], 'expected none, poll or explicit').optional(),
    help: 'who may change what serves: none, the disk (poll) or requests (explicit); default: none',
    value: 'MODE',
  },
  watch: {
    schema: flag.default(false),
    help: 'short for --model-control poll: new versions are served, removed ones go',
  },
  pollIntervalMs: {
    schema: integer(10, 86_400_000).default(2000),
    help: 'how often poll looks at the disk; SIGHUP makes it look at once',
    value: 'MS',
  },
  settleMs: {
    schema: integer(0, 3_600_000).default(2000),
    help: 'a version is picked up when nothing in it has changed for so long',
    value: 'MS',
  },
  unloadTimeoutMs: {
    schema: integer(0, 3_600_000).default(30_000),
    help: 'how long a version that is unloaded waits for the requests that hold it',
    value: 'MS',
  },
  stateDir: {
    schema: z.string().min(1).optional(),
    help: 'folder for labels and traffic that were changed at run time; default: kept in memory',
    value: 'DIR',
  },
  replicas: {
    schema: integer(1, 100_000).default(1),
    help: 'how many servers share these models; above 1 run-time changes are refused',
    value: 'N',
  },
  runtimeChanges: {
    schema: z.enum(['allow', 'refuse'], 'expected allow or refuse').optional(),
    help: 'allow or refuse changes of labels and traffic; default: by the number of replicas',
    value: 'WHICH',
  },
  strictReady: {
    schema: flag.default(false),
    help: '/readyz waits until every model serves, not only one',
  },
  maxBody: {
    schema: byteSize('64MB').default(64 * 1024 ** 2),
    help: 'largest request body',
    value: 'SIZE',
  },
  maxBodyMemory: {
    schema: byteSize('512MB').optional(),
    help: 'room for all request bodies together; default: an eighth of the memory',
    value: 'SIZE',
  },
  maxConnections: {
    schema: integer(1, 1_000_000).default(2000),
    help: 'most HTTP connections at a time, as far as open files allow',
    value: 'N',
  },
  stallTimeoutMs: {
    schema: integer(1, 86_400_000).default(20_000),
    help: 'a client that sends or takes next to nothing for so long is cut off',
    value: 'MS',
  },
  allowedHosts: {
    schema: hosts.default([]),
    help: 'more host names to answer to; on a loopback address others are refused (repeatable)',
    value: 'HOST',
    repeatable: true,
  },
  maxPixels: {
    schema: integer(1, 2 ** 31 - 1).default(50_000_000),
    help: 'most pixels of a picture, checked before decoding',
    value: 'N',
  },
  maxPictures: {
    schema: integer(1, 10_000).default(64),
    help: 'most pictures in one request',
    value: 'N',
  },
  requestTimeoutMs: {
    schema: integer(1, 86_400_000).default(30_000),
    help: 'time limit of a request, from accept to answer',
    value: 'MS',
  },
  runTimeoutMs: {
    schema: integer(1, 86_400_000).optional(),
    help: 'a run that takes longer ends its runner; default: the time limit of a request',
    value: 'MS',
  },
  loadTimeoutMs: {
    schema: integer(1, 86_400_000).optional(),
    help: 'a runner that loads longer is ended; default: 5 minutes and 1 for each GiB',
    value: 'MS',
  },
  heartbeatMs: {
    schema: integer(10, 3_600_000).default(5000),
    help: 'how often an idle runner is asked whether it lives; it has twice as long to answer',
    value: 'MS',
  },
  url: {
    schema: flag.default(true),
    help: 'turn off {"url": …}: the server then fetches no pictures',
    negated: true,
  },
  urlAllowPrivate: {
    schema: hosts.default([]),
    help: 'hosts that {"url": …} may reach although their address is private (repeatable)',
    value: 'HOST',
    repeatable: true,
  },
  urlTimeoutMs: {
    schema: integer(1, 600_000).default(5000),
    help: 'time limit for fetching a picture',
    value: 'MS',
  },
  urlMaxBytes: {
    schema: byteSize('64MB').default(20 * 1024 ** 2),
    help: 'largest picture that is fetched',
    value: 'SIZE',
  },
  shutdownGraceMs: {
    schema: integer(0, 600_000).default(0),
    help: 'how long to go on serving after SIGTERM, for the load balancer to notice',
    value: 'MS',
  },
  shutdownClientMs: {
    schema: integer(1, 3_600_000).default(5000),
    help: 'how long after that a client may still take to send its request',
    value: 'MS',
  },
  shutdownTimeoutMs: {
    schema: integer(1, 3_600_000).default(30_000),
    help: 'how long requests in flight may take after that',
    value: 'MS',
  },
} as const;

export type SettingName = keyof typeof settingsTable;

export interface SettingRow {
  readonly schema: z.ZodType;
  readonly help: string;
  /** Placeholder of the option's value; absent for a flag. */
  readonly value?: string;
  /** A flag that is on by default and shown as --no-…. */
  readonly negated?: true;
  readonly repeatable?: true;
}

export type Settings = {
  readonly [K in SettingName]: z.output<(typeof settingsTable)[K]['schema']>;
};

export type RawSettings = Partial<Record<SettingName, unknown>>;

export const settingNames = Object.keys(settingsTable) as readonly SettingName[];

/** grpcPort → --grpc-port */
export function optionOf(name: SettingName): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** grpcPort → MODELSHIP_GRPC_PORT */
export function variableOf(name: SettingName): string {
  return `MODELSHIP_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** Variables with a meaning that are no settings. */
const otherVariables = ['MODELSHIP_CONFIG', 'MODELSHIP_DEBUG', 'MODELSHIP_REQUIRE_PARTS'];

/** Picks the settings out of an environment; an empty variable counts as not set. */
export function settingsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): RawSettings {
  const raw: RawSettings = {};
  for (const name of settingNames) {
    const value = environment[variableOf(name)];
    if (value !== undefined && value !== '' && !isServiceLink(value)) raw[name] = value;
  }
  return raw;
}

/**
 * Kubernetes gives every pod variables for the services around it: for one called "modelship" also
 * MODELSHIP_PORT=tcp://10.0.0.1:8080.
 */
function isServiceLink(value: string): boolean {
  return /^(tcp|udp|sctp):\/\//.test(value);
}

/** Variables that look like settings of ours and are none, which a misspelling usually is. */
export function unknownVariables(
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const known = new Set([...settingNames.map(variableOf), ...otherVariables]);
  return Object.keys(environment)
    .filter((name) => name.startsWith('MODELSHIP_') && !known.has(name))
    .filter((name) => !/_SERVICE_|_PORT_\d+_/.test(name));
}

/** The variable that one which is none may have been meant to be. */
export function meantVariable(name: string): string | undefined {
  // What all have in common tells nothing.
  const own = (variable: string): string => variable.slice('MODELSHIP_'.length);
  const meant = meantName(
    own(name),
    settingNames.map((one) => own(variableOf(one))),
  );
  return meant === undefined ? undefined : `MODELSHIP_${meant}`;
}

export interface SettingsSources {
  readonly commandLine: RawSettings;
  readonly environment: RawSettings;
  readonly file: RawSettings;
  /** Name of the config file, for messages. */
  readonly fileName?: string | undefined;
  /** Problems found while reading the sources, reported together with the others. */
  readonly problems?: readonly string[];
}

function placeOf(name: SettingName, sources: SettingsSources): string {
  if (name in sources.commandLine) return name === 'path' ? 'PATH' : optionOf(name);
  if (name in sources.environment) return variableOf(name);
  return `${sources.fileName ?? 'config'}: ${name}`;
}

function show(value: unknown): string {
  return typeof value === 'object' && value !== null ? inspect(value) : JSON.stringify(value);
}

export type ModelControlMode = NonNullable<Settings['modelControl']>;

/** --watch is short for poll. */
export function modelControlOf({ modelControl, watch }: Settings): ModelControlMode {
  return modelControl ?? (watch ? 'poll' : 'none');
}

/** What each setting alone would allow, and both together do not. */
function findContradictions({ modelControl, watch }: Partial<Settings>): string[] {
  return watch && modelControl !== undefined && modelControl !== 'poll'
    ? [`--watch means --model-control poll, got --model-control ${modelControl} as well`]
    : [];
}

/** Completes and freezes the settings. Throws SETTINGS_INVALID with every problem and its place. */
export function completeSettings(sources: SettingsSources): Settings {
  const merged = { ...sources.file, ...sources.environment, ...sources.commandLine };
  const problems = [...(sources.problems ?? [])];
  const settings: Record<string, unknown> = {};
  for (const name of settingNames) {
    const checked = (settingsTable[name].schema as z.ZodType).safeParse(merged[name], {
      error: expectationOf,
    });
    if (checked.success) settings[name] = checked.data;
    else {
      const [issue] = checked.error.issues;
      problems.push(`${placeOf(name, sources)}: ${issue?.message}, got ${show(merged[name])}`);
    }
  }
  problems.push(...findContradictions(settings));
  if (problems.length > 0) throw new ServingError('SETTINGS_INVALID', { problems });
  return Object.freeze(settings) as Settings;
}
