/**
 * The commands of bin/modelship, their options and help. Each command's code is loaded when it is used.
 */

import { Command, CommanderError } from 'commander';
import type { RawSettings, SettingName, SettingRow } from '../config/settings.ts';
import { optionOf, settingsTable } from '../config/settings.ts';
import { messageOf, ServingError } from '../errors.ts';
import type { ArchitectureOptions } from './architecture-options.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { loadSettings } from './load-settings.ts';
import { ownVersion } from './own-version.ts';
import { standardOutput, tellPerson } from './terminal.ts';

// No line is longer than 80 characters: commander would wrap it.
const introduction = `From a trained model file to a production API.

  modelship serve models                   serve a model, or a folder of them
  modelship predict models/digits 7.png    ask a model once, without a server
  modelship inspect model.onnx             what is in it, what serving will do
  modelship init model.onnx                write a model.yaml to fill in
  modelship import model.keras             convert a Keras or TensorFlow model to ONNX
  modelship promote digits                 make a canary stable, while it serves`;

const epilogue = `
Every option can also be set as an environment variable (--cache-dir:
MODELSHIP_CACHE_DIR) or in the file that --config names (cacheDir: …). The
command line wins over the environment, the environment over the file.

Exit codes: 0 done, 1 unexpected, 2 wrong option, setting or model.yaml,
3 model unusable, 4 input unusable, 5 port unusable.`;

const runOptions: readonly SettingName[] = [
  'instances',
  'threads',
  'cacheDir',
  'cacheSize',
  'logLevel',
  'maxPixels',
  'requestTimeoutMs',
  'urlAllowPrivate',
];

const collect = (value: string, all: string[] | undefined): string[] => [...(all ?? []), value];

function defaultOf({ schema, value: kind }: SettingRow): string {
  const value = schema.safeParse(undefined).data;
  if (value === undefined || typeof value === 'boolean' || Array.isArray(value)) return '';
  return ` (default: ${kind === 'SIZE' ? `${Number(value) / 1024 ** 2}MB` : value})`;
}

/** Adds the options of these settings; their values are checked later, all together. */
function addSettings(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    const row: SettingRow = settingsTable[name];
    const option = row.negated ? optionOf(name).replace('--', '--no-') : optionOf(name);
    const flags = row.value ? `${option} <${row.value}>` : option;
    const help = `${row.help}${defaultOf(row)}`;
    if (row.repeatable) command.option(flags, help, collect);
    else command.option(flags, help);
  }
  return command.option('--config <FILE>', 'YAML or JSON file with settings');
}

/** Only what was given on the command line itself: defaults are the business of the settings table. */
function givenOptions(command: Command): RawSettings & { config?: unknown } {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(command.opts())) {
    if (command.getOptionValueSource(name) === 'cli') given[name] = value;
  }
  return given;
}

function addServe(program: Command): void {
  const names = (Object.keys(settingsTable) as SettingName[]).filter((name) => name !== 'path');
  const command = program
    .command('serve [PATH]')
    .description('serve a model file, a model folder or a folder of models (default: models)');
  addSettings(command, names).action(async (path: string | undefined) => {
    const settings = loadSettings({
      ...givenOptions(command),
      ...(path === undefined ? {} : { path }),
    });
    const { serve } = await import('./serve.ts');
    await serve(settings, standardOutput);
  });
}

function addPredict(program: Command): void {
  const command = program
    .command('predict <PATH> <INPUTS...>')
    .description(
      'ask a model once, without a server: pictures (files, URLs), or tensors (x.npy, NAME=x.npy, a request body in body.json)',
    )
    .option('--json', 'print JSON instead of a table', false)
    .option('--signature <NAME>', 'of the model, for tensors')
    .option('--model <NAME>', 'which model, when PATH holds several');
  addSettings(command, runOptions).action(async (path: string, inputs: string[]) => {
    const { json, model, signature, ...options } = givenOptions(command) as Record<string, unknown>;
    const settings = loadSettings({ logLevel: 'warn', instances: 1, ...options, path });
    const { predict } = await import('./predict.ts');
    await predict(
      settings,
      {
        inputs,
        model: model as string | undefined,
        signature: signature as string | undefined,
        json: json === true,
      },
      standardOutput,
    );
    // The idle threads of the picture decoder would keep the process a while.
    process.exit(exitCodes.done);
  });
}

function addInspect(program: Command): void {
  const command = program
    .command('inspect <PATH>')
    .description(
      'inputs, outputs, versions; what batching and preprocessing will do, and why (of a server, http://HOST:PORT: the states of its versions)',
    )
    .option('--json', 'print JSON instead of text', false)
    .option('--no-probe', 'read the files only, do not load the model');
  const names: readonly SettingName[] = [
    'instances',
    'threads',
    'cacheDir',
    'cacheSize',
    'logLevel',
    'stateDir',
  ];
  addSettings(command, names).action(async (path: string) => {
    const { json, probe, ...options } = givenOptions(command) as Record<string, unknown>;
    const { inspectServer, isServerUrl } = await import('./inspect-server.ts');
    if (isServerUrl(path)) process.exit(await inspectServer(path, json === true, standardOutput));
    const settings = loadSettings({ logLevel: 'error', ...options, path });
    const { inspect } = await import('./inspect.ts');
    process.exit(
      await inspect(settings, { json: json === true, probe: probe !== false }, standardOutput),
    );
  });
}

const defaultUrl = 'http://127.0.0.1:8080';

function addPromote(program: Command): void {
  program
    .command('promote <MODEL>')
    .description('make the canary of a running server stable, with all its traffic or a part of it')
    .option('--version <N>', 'the version to promote; default: that of the label canary')
    .option('--percent <P>', 'only so much of the traffic, to see how it does')
    .option('--url <URL>', 'of the server', defaultUrl)
    .action(async (model: string, options: { version?: string; percent?: string; url: string }) => {
      const { changeTraffic } = await import('./promote.ts');
      const { version, percent, url } = options;
      const body = {
        ...(version === undefined ? {} : { version }),
        ...(percent === undefined ? {} : { percent: Number(percent) }),
      };
      process.exit(await changeTraffic({ url, model }, 'promote', body, standardOutput));
    });
}

function addRollback(program: Command): void {
  program
    .command('rollback <MODEL>')
    .description('undo the latest change of labels and traffic of a running server')
    .option('--url <URL>', 'of the server', defaultUrl)
    .action(async (model: string, { url }: { url: string }) => {
      const { changeTraffic } = await import('./promote.ts');
      process.exit(await changeTraffic({ url, model }, 'rollback', {}, standardOutput));
    });
}

function addReset(program: Command): void {
  program
    .command('reset <MODEL>')
    .description('let labels and traffic be as model.yaml says, whatever was changed at run time')
    .option('--url <URL>', 'of the server', defaultUrl)
    .option(
      '--state-dir <DIR>',
      'forget what is kept there instead of asking a server (with --watch it looks there too)',
    )
    .action(async (model: string, { url, stateDir }: { url: string; stateDir?: string }) => {
      const { changeTraffic, forgetChanges } = await import('./promote.ts');
      if (stateDir !== undefined) return forgetChanges(stateDir, model, standardOutput);
      process.exit(await changeTraffic({ url, model }, 'reset', {}, standardOutput));
    });
}

function addInit(program: Command): void {
  program
    .command('init <PATH>')
    .description(
      'write a commented model.yaml: what could be derived, and proposals for what could not',
    )
    .option('--force', 'overwrite a model.yaml that is there', false)
    .option('--print', 'print it instead of writing it', false)
    .action(async (path: string, options: { force: boolean; print: boolean }) => {
      const { init, readForInit } = await import('./init.ts');
      const { openBase } = await import('./compose.ts');
      const { createLog } = await import('../telemetry/log.ts');
      const settings = loadSettings({ logLevel: 'warn', path });
      const log = createLog(settings.logLevel, process.stderr.isTTY === true);
      const read = readForInit(path, options);
      const converted = await openBase(settings, log, tellPerson).foreign.importAll(read);
      init(path, options, standardOutput, read, converted);
    });
}

function addImport(program: Command): void {
  const command = program
    .command('import <MODEL>')
    .description('convert a Keras or TensorFlow model to ONNX, without Python')
    .option('-o, --out <FILE>', 'where to (default: beside the model, .onnx)')
    .option('--verify <INPUT.npy...>', 'an input and its expected output, two .npy files')
    .option('--signature <NAME>', 'which one, when the model has several')
    .option(
      '--architecture <NAME>',
      'of a file of weights only: resnet50, or resnet50@keras-3.15.1',
    )
    .option(
      '--input-shape <HxWxC>',
      "of its pictures, such as 96x96x3 (default: the network's own)",
    )
    .option('--pooling <avg|max>', 'of a network without its top (default: none)')
    .option('--classifier-activation <NAME>', 'of its top: none, sigmoid (default: softmax)')
    .option('--force', 'overwrite a file that is there', false)
    .option('--json', 'print JSON instead of text', false);
  addSettings(command, ['cacheDir']).action(async (path: string) => {
    const given = givenOptions(command) as Record<string, unknown>;
    const { out, verify, signature, force, json, ...others } = given;
    const { architecture, inputShape, pooling, classifierActivation, ...options } = others;
    const settings = loadSettings({ ...options, path });
    const files = verify as string[] | undefined;
    if (files && files.length !== 2) {
      const problems = [`--verify: expected two files (INPUT.npy OUTPUT.npy), got ${files.length}`];
      throw new ServingError('SETTINGS_INVALID', { problems });
    }
    const { importModel } = await import('./import.ts');
    const { readArchitectureOptions } = await import('./architecture-options.ts');
    const network = { architecture, inputShape, pooling, classifierActivation };
    process.exitCode = await importModel(
      {
        path,
        out: out as string | undefined,
        verify: files,
        signature: signature as string | undefined,
        architecture: readArchitectureOptions(network as ArchitectureOptions),
        force: force === true,
        json: json === true,
      },
      settings,
      standardOutput,
    );
  });
}

function build(): Command {
  const program = new Command('modelship')
    .description(introduction)
    .version(ownVersion(), '--version', 'print the version')
    // Else `promote digits --version 3` would print the version of this program.
    .enablePositionalOptions()
    .addHelpText('after', epilogue)
    .showHelpAfterError('(modelship --help shows the commands)')
    .exitOverride();
  addServe(program);
  addPredict(program);
  addInspect(program);
  addInit(program);
  addImport(program);
  addPromote(program);
  addRollback(program);
  addReset(program);
  for (const command of program.commands)
    command.exitOverride().showHelpAfterError('(add --help for the options)');
  return program;
}

function report(error: unknown): void {
  if (error instanceof ServingError) {
    const end = error.message.includes('\n') ? '\n' : ' ';
    process.stderr.write(`modelship: ${error.message}${end}[${error.code}]\n`);
  } else if (!(error instanceof CommanderError)) {
    process.stderr.write(`modelship: unexpected error: ${messageOf(error)}\n`);
    if (process.env.MODELSHIP_DEBUG) process.stderr.write(`${(error as Error).stack}\n`);
  }
}

/** Runs one command; a failure is reported on standard error and becomes the exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  // Whoever read the output is gone (`| head -1`): a server goes on, and nobody misses the rest.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    if (argv.length === 0) build().outputHelp();
    else await build().parseAsync([...argv], { from: 'user' });
  } catch (error) {
    report(error);
    if (error instanceof CommanderError)
      process.exit(error.exitCode === 0 ? exitCodes.done : exitCodes.usage);
    process.exit(exitCodeOf(error));
  }
}
