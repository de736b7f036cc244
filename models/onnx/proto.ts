/**
 * The part of ONNX's protobuf schema that sluice writes (onnx/onnx.proto, field numbers as published there).
 */
import protobuf from 'protobufjs'

const SCHEMA = `
syntax = "proto3";
message AttributeProto {
  string name = 1; float f = 2; int64 i = 3; bytes s = 4;
  repeated float floats = 7; repeated int64 ints = 8; int32 type = 20;
}
message NodeProto { repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4; repeated AttributeProto attribute = 5; }
message TensorProto { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
message TensorShapeProto { repeated Dimension dim = 1; }
message TensorType { int32 elem_type = 1; TensorShapeProto shape = 2; }
message TypeProto { TensorType tensor_type = 1; }
message ValueInfoProto { string name = 1; TypeProto type = 2; }
message GraphProto {
  repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5; string doc_string = 10;
  repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
}
message OperatorSetIdProto { string domain = 1; int64 version = 2; }
message ModelProto {
  int64 ir_version = 1; string producer_name = 2; GraphProto graph = 7; repeated OperatorSetIdProto opset_import = 8;
}`

const MODEL = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('ModelProto')

/** AttributeProto.AttributeType and TensorProto.DataType. */
export const ATTRIBUTE = { float: 1, int: 2, ints: 7 } as const
export const ELEMENT = { float: 1, int64: 7 } as const

/** Bytes of a model; the same object gives the same bytes. */
export function encodeModel(model: object): Buffer {
  return Buffer.from(MODEL.encode(MODEL.fromObject(model)).finish())
}
