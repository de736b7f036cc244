/** What a server or a file name claims about the type. A claim is only kept for people: content decides. */
import { extname } from 'node:path'

const ESSENCE = /^\s*([a-z0-9!#$&^_.+-]{1,63}\/[a-z0-9!#$&^_.+-]{1,63})\s*(?:;|$)/i

const BY_EXTENSION: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg', jpeg: 'image/jpeg', jpe: 'image/jpeg', png: 'image/png', apng: 'image/apng', gif: 'image/gif', webp: 'image/webp',
  avif: 'image/avif', heic: 'image/heic', heif: 'image/heif', tif: 'image/tiff', tiff: 'image/tiff', bmp: 'image/bmp', svg: 'image/svg+xml',
  jxl: 'image/jxl', jp2: 'image/jp2', ico: 'image/x-icon', psd: 'image/vnd.adobe.photoshop',
  mp4: 'video/mp4', m4v: 'video/mp4', mov: 'video/quicktime', qt: 'video/quicktime', mkv: 'video/matroska', webm: 'video/webm',
  avi: 'video/vnd.avi', ts: 'video/mp2t', mts: 'video/mp2t', m2ts: 'video/mp2t', mpg: 'video/mpeg', mpeg: 'video/mpeg', vob: 'video/mpeg',
  flv: 'video/x-flv', '3gp': 'video/3gpp', '3g2': 'video/3gpp2', ogv: 'video/ogg', wmv: 'video/x-ms-asf', asf: 'video/x-ms-asf',
  mp3: 'audio/mpeg', mp2: 'audio/mpeg', aac: 'audio/aac', m4a: 'audio/mp4', m4b: 'audio/mp4', flac: 'audio/flac', wav: 'audio/wav',
  ogg: 'audio/ogg', oga: 'audio/ogg', opus: 'audio/ogg', amr: 'audio/amr', mka: 'audio/matroska', aif: 'audio/aiff', aiff: 'audio/aiff',
  wma: 'audio/x-ms-asf', mid: 'audio/midi', midi: 'audio/midi',
  html: 'text/html', htm: 'text/html', txt: 'text/plain', json: 'application/json', pdf: 'application/pdf', zip: 'application/zip',
}

/** The type without its parameters, in lower case; null when it is not one. */
export function typeOfHeader(contentType: string | undefined): string | null {
  return ESSENCE.exec(contentType ?? '')?.[1]?.toLowerCase() ?? null
}

/** The type that the end of a path promises; null when it promises none that is known. */
export function typeOfPath(path: string): string | null {
  const extension = extname(path).slice(1).toLowerCase()
  return Object.hasOwn(BY_EXTENSION, extension) ? BY_EXTENSION[extension]! : null
}
