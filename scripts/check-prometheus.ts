/**
 * By hand, with a real Prometheus (Debian: `apt-get install prometheus`): starts Modelship with two test
 * models, lets Prometheus scrape it while requests come, are refused and a runner dies, and asks it every
 * expression of the dashboard, the alerts and docs/metrics.md. Prints how many series each gave; ends with
 * 1 when one of them is an error, or a panel has nothing to show.
 * `npm run build && tools/node24 scripts/check-prometheus.ts`
 */

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { processTree, root, startServer } from '../bench/support/server.ts';
import { writeTestModel } from '../test/models/test-models.ts';

const folder = mkdtempSync(join(tmpdir(), 'modelship-prometheus-'));
const port = 19_090;
const scrapes = 12;

function expressions(): [where: string, expr: string][] {
  const dashboard = JSON.parse(readFileSync(join(root, 'docs/grafana/modelship.json'), 'utf8'));
  const alerts = parse(readFileSync(join(root, 'docs/prometheus/alerts.yaml'), 'utf8'));
  const document = readFileSync(join(root, 'docs/metrics.md'), 'utf8');
  const ofPanels = dashboard.panels.flatMap(
    (panel: { title: string; targets?: { expr: string }[] }) =>
      (panel.targets ?? []).map(({ expr }) => [
        `panel ${panel.title}`,
        expr.replaceAll('$__rate_interval', '10s').replaceAll('$model', '.*'),
      ]),
  );
  const ofAlerts = alerts.groups[0].rules.map((rule: { alert: string; expr: string }) => [
    `alert ${rule.alert}`,
    rule.expr,
  ]);
  const ofDocument = [...document.matchAll(/^\| (.+?) \| `((?!modelship_\w+` \|).+)` \|$/gm)].map(
    ([, question, expr]) => [`docs  ${question}`, expr],
  );
  return [...ofPanels, ...ofAlerts, ...ofDocument];
}

async function ask(expr: string): Promise<number> {
  const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expr)}`;
  const answer = (await (await fetch(url)).json()) as {
    status: string;
    error?: string;
    data: { result: unknown[] };
  };
  if (answer.status !== 'success') throw new Error(`${expr}: ${answer.error}`);
  return answer.data.result.length;
}

async function untilOk(url: string): Promise<void> {
  for (let i = 0; i < 200; i += 1) {
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return;
    await sleep(100);
  }
  throw new Error(`${url} does not answer`);
}

const send = (url: string, rounds: number): Promise<number> =>
  fetch(`${url}/v2/models/slow/infer`, {
    method: 'POST',
    body: JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [rounds, 0, 0, 0] }],
    }),
  }).then(async (answer) => {
    await answer.arrayBuffer();
    return answer.status;
  });

writeTestModel(join(folder, 'models'), 'slow');
writeFileSync(join(folder, 'models', 'slow', 'model.yaml'), 'queue: {maxRequests: 4}\n');
writeTestModel(join(folder, 'models'), 'half-plus-two');
const server = await startServer([join(folder, 'models')], join(folder, 'cache'));
const config = {
  global: { scrape_interval: '1s' },
  rule_files: [join(root, 'docs/prometheus/alerts.yaml')],
  scrape_configs: [
    { job_name: 'modelship', static_configs: [{ targets: [new URL(server.url).host] }] },
  ],
};
writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
const prometheus = spawn(
  'prometheus',
  [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ],
  { stdio: 'ignore' },
);
let failures = 0;
try {
  await untilOk(`${server.url}/readyz`);
  await untilOk(`http://127.0.0.1:${port}/-/ready`);
  for (let i = 0; i < scrapes; i += 1) {
    const statuses = await Promise.all(Array.from({ length: 12 }, () => send(server.url, 50)));
    if (i === 4)
      process.kill(processTree(server.process.pid as number).at(-1) as number, 'SIGKILL');
    console.log(`scrape ${i}: ${statuses.sort().join(' ')}`);
    await sleep(1000);
  }
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  execFileSync('promtool', ['check', 'metrics'], {
    input: metrics,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  console.log('promtool check metrics: nothing to say');
  for (const [where, expr] of expressions()) {
    const count = await ask(expr).catch((error: Error) => error.message);
    const fails = typeof count === 'string' || (count === 0 && !where.startsWith('alert'));
    if (fails) failures += 1;
    console.log(`${fails ? 'FAILS' : 'ok   '} ${String(count).padStart(3)} ${where}: ${expr}`);
  }
} finally {
  prometheus.kill();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failures > 0 ? 1 : 0;
