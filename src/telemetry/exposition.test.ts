import { expect, test } from 'vitest';
import { Distribution } from './distribution.ts';
import { writeExposition } from './exposition.ts';

test('families are written as Prometheus reads them', () => {
  const distribution = new Distribution([0.5, 1]);
  for (const value of [0.25, 0.5, 1, 8]) distribution.observe(value);
  const text = writeExposition([
    { name: 'a_total', type: 'counter', help: 'A.', samples: [{ labels: {}, value: 3 }] },
    { name: 'b', type: 'gauge', help: 'B.', samples: [] },
    {
      name: 'c_seconds',
      type: 'histogram',
      help: 'C.',
      samples: [{ labels: { model: 'm' }, value: distribution }],
    },
  ]);
  expect(text.split('\n')).toEqual([
    '# HELP a_total A.',
    '# TYPE a_total counter',
    'a_total 3',
    '# HELP b B.',
    '# TYPE b gauge',
    '# HELP c_seconds C.',
    '# TYPE c_seconds histogram',
    'c_seconds_bucket{model="m",le="0.5"} 2',
    'c_seconds_bucket{model="m",le="1"} 3',
    'c_seconds_bucket{model="m",le="+Inf"} 4',
    'c_seconds_sum{model="m"} 9.75',
    'c_seconds_count{model="m"} 4',
    '',
  ]);
});

test('text that Prometheus would misread is escaped', () => {
  const text = writeExposition([
    {
      name: 'a',
      type: 'gauge',
      help: 'back\\slash\nnext "quoted"',
      samples: [{ labels: { model: 'a"b\\c\nd' }, value: 1 }],
    },
  ]);
  expect(text).toContain('# HELP a back\\\\slash\\nnext "quoted"\n');
  expect(text).toContain('a{model="a\\"b\\\\c\\nd"} 1\n');
});
