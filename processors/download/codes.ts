/** Codes of download: what happened, and what to do. Those that are retried become dead letters when their attempts run out. */
export const CODES = {
  // The submission.
  'download.bad-uri': 'The URI is no valid absolute URI, is too long, or carries credentials. Correct it at the producer.',
  'download.unknown-scheme': 'The URI, or a redirect from it, has a scheme other than http, https, file or blob. Submit the file under one of these.',
  'download.wrong-hash': 'The bytes are not those whose SHA-256 the producer named. Submit again with the right hash, or without one.',
  // The source's answer.
  'download.not-found': 'The server has nothing there (404). Check the URI.',
  'download.gone': 'The server says that the file was removed for good (410).',
  'download.forbidden': 'The server refuses access (401, 403 or 451). Submit a URI that needs no credentials, for example a signed one.',
  'download.http-status': 'The server answered with a status that will not change by asking again. Check the URI in a browser.',
  'download.redirect-limit': 'More than five redirects, usually a loop. Submit the final URI.',
  'download.redirect-downgrade': 'An https URI redirects to http, which would give up its protection. Submit the http URI itself if that is meant.',
  'download.content-encoding': 'The server compresses the body although it was asked not to. Correct the server, or submit another URI.',
  'download.headers-too-big': 'The response has more than 16 KiB of headers.',
  // What must not be reached or read.
  'download.address-blocked': 'The host is, or resolves to, an address that is not public. If it is meant, add its range to SLUICE_ALLOW_ADDRESSES.',
  'download.port-blocked': 'The URI names a port other than 80 and 443. If it is meant, add the address range of the host to SLUICE_ALLOW_ADDRESSES.',
  'download.file-not-allowed': 'The path is outside the folders that may be read, leads out of them, or is no regular file. Add its folder to SLUICE_FILE_ROOTS.',
  'download.file-not-found': 'There is no file at the path. Check the path, and that this machine sees the same folders as the producer.',
  // The bytes.
  'download.empty': 'The file has no bytes.',
  'download.too-big': 'The file is larger than SLUICE_MAX_DOWNLOAD_BYTES. Raise the limit if it is meant.',
  'download.html': 'The bytes are a web page, often a login or error page, instead of media. Submit the URI of the file itself.',
  'download.not-media': 'The bytes are no picture, video or sound: the reason says what they are.',
  'download.unsupported-format': 'The bytes are a picture, video or sound in a format that is not taken. Convert the file.',
  // Retried.
  'download.busy': 'The server asks to come back later (429). It is asked again no sooner than it wishes.',
  'download.server-error': 'The server has a passing failure (5xx, 408 or 425).',
  'download.timeout': 'The server was silent, too slow, or the whole download took longer than SLUICE_DOWNLOAD_DEADLINE_MS.',
  'download.connection': 'The connection could not be made, or broke more often than resuming is tried.',
  'download.tls': 'The server did not prove its identity: its certificate is expired, foreign or self-made.',
  'download.dns': 'The name of the host cannot be resolved.',
  'download.file-unreadable': 'A file within the allowed folders could not be read: its mode, or a failing disk or share.',
} as const

export type DownloadCode = keyof typeof CODES
