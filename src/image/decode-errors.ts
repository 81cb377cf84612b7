/** The pixel data contradict the format; `decodePicture` turns it into PICTURE_CORRUPT. */
export class CorruptPixels extends Error {}
