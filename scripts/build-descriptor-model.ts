/** Writes the built-in model's ONNX file, to look at or to use elsewhere: node scripts/build-descriptor-model.ts FILE */
import { writeFileSync } from 'node:fs'
import { descriptorModel } from '../models/descriptor/card.ts'

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('Name the file to write.')
const { card, bytes } = descriptorModel()
writeFileSync(file, bytes)
process.stdout.write(`${file}: ${card.id}, ${card.bytes} bytes, SHA-256 ${card.sha256}\n`)
