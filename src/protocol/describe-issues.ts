import type { z } from 'zod';

/** What a schema refused in words of our own (`inOwnWords`), with the places, on one line: the first five. */
export function describeIssues({ issues }: z.ZodError): string {
  return issues
    .slice(0, 5)
    .map(({ path, message }) => {
      const place = path.join('.') || 'body';
      return `${place}: ${message}`;
    })
    .join('; ');
}
