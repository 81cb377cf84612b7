import { parseHeaderParameters } from '../header-parameters.ts';
import { refuseMultipart } from './multipart-problem.ts';

/** RFC 2046 §5.1.1. */
const maxBoundaryLength = 70;
const printable = /^[\x20-\x7e]*[\x21-\x7e]$/;

/**
 * The boundary of a `Content-Type: multipart/form-data; boundary=…` header, quoted or not. Any
 * printable ASCII is taken, as clients use more signs than RFC 2046 lists.
 *
 * Throws MULTIPART_INVALID when there is none, or one that cannot be used.
 */
export function multipartBoundary(contentType: string): string {
  const { value, parameters } = parseHeaderParameters(contentType);
  if (value !== 'multipart/form-data')
    refuseMultipart('its Content-Type is not multipart/form-data');
  const boundary = parameters.get('boundary');
  if (boundary === undefined || boundary === '')
    refuseMultipart('its Content-Type has no boundary (do not set that header by hand)');
  if (boundary.length > maxBoundaryLength)
    refuseMultipart(
      `its boundary has ${boundary.length} signs; ${maxBoundaryLength} are the most (RFC 2046)`,
    );
  if (!printable.test(boundary))
    refuseMultipart('its boundary has a sign outside of printable ASCII, or ends in a space');
  return boundary;
}
