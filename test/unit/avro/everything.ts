/** A schema with the kinds of types, unions and nestings that the project's schemas do not have. */
export const EVERYTHING = {
  type: 'record', name: 'Everything', fields: [
    { name: 'd', type: 'double' },
    { name: 'l', type: [{ type: 'map', values: 'double' }, 'long', 'boolean', 'bytes', { type: 'array', items: ['null', 'long'] }, 'string'] },
    { name: 'f', type: ['float', { type: 'fixed', name: 'Three', size: 3 }, { type: 'enum', name: 'Colour', symbols: ['red', 'green'] }] },
    { name: 'g', type: { type: 'map', values: ['null', 'Three'] }, default: { a: null } },
    { name: 'e', type: 'Colour', default: 'green' },
    { name: 'deep', type: { type: 'array', items: { type: 'array', items: { type: 'map', values: { type: 'array', items: 'string' } } } }, default: [] },
  ],
}
