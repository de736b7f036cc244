/** Codes of the command line and of the client library. */
export const CODES = {
  'client.no-blob-store': 'The producer was given bytes or a path and no folder of the blob store; set blobsDir, or submit a URI.',
  'demo.stages-ended': 'The stages of the demo ended by themselves; the end of their log says why.',
  'demo.stuck': 'Nothing moved in the demo for two minutes; the stage named is the one that the items stand before.',
  'health.port-taken': 'Something else listens on the port of /healthz; set SLUICE_HEALTH_PORT to a free one.',
} as const
