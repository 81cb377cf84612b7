/** A kind of JPEG that is not decoded as TensorFlow does it; the other decoder has it. */
export class NotCovered extends Error {}
