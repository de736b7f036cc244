/** Why a model cannot be installed or used: code, meaning and remedy. */
export const CODES = {
  'model.card-invalid': 'The model card lacks a field or holds a value that cannot be; correct the card.',
  'model.file-unusable': 'The file is no ONNX image encoder that can be used; export it as one file with one image input and one vector output.',
  'model.external-data': 'The ONNX file keeps its weights in other files; save it again as a single file.',
  'model.id-taken': 'Another file is installed under this id; remove its folder first, or give the card another id.',
  'model.unknown': 'No card of this model is installed here; install the model with its card on this machine too.',
  'model.not-pullable': 'No address of this model is known; bring the file and add it.',
  'model.pull-failed': 'The model could not be fetched, or what came is another file; run the command again.',
  'model.unreadable': 'The folder of models, or a file in it, cannot be read or written; correct its path or its permissions.',
} as const
