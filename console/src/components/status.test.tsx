// @vitest-environment jsdom
import { cleanup, render } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { RUN_STATUSES } from '@/lib/filters';
import { Status } from './status';

afterEach(cleanup);

const ALL = [
  ...RUN_STATUSES,
  'PENDING',
  'SKIPPED',
  'LOST',
  'DRAFT',
  'APPROVED',
  'DEPRECATED',
  'PAUSED',
  'ALIVE',
  'SILENT',
];

it('each status has a word and a shape of its own, not a colour alone', () => {
  const seen = ALL.map((status) => {
    const { container } = render(<Status status={status} />);
    return { word: container.textContent, shape: container.querySelector('svg')?.innerHTML };
  });
  expect(new Set(seen.map(({ word }) => word)).size).toBe(ALL.length);
  expect(new Set(seen.map(({ shape }) => shape)).size).toBe(ALL.length);
});
