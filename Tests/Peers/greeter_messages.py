# SPDX-License-Identifier: Apache-2.0
"""Messages of the test service Greeter, built at run time, so that no generated Python is kept.

The fields are those of Protos/greeter.proto; the numbers must stay equal to it.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "Greeter"
RECEIVE_LIMIT = 4 * 1024 * 1024

_FIELD = descriptor_pb2.FieldDescriptorProto
_TYPES = {"string": _FIELD.TYPE_STRING, "int64": _FIELD.TYPE_INT64, "bytes": _FIELD.TYPE_BYTES}

# message -> [(field, number, type, repeated)]; metadata is a map and added by hand.
_MESSAGES = {
    "HelloRequest": [("name", 1, "string", False)],
    "HelloResponse": [
        ("greeting", 1, "string", False),
        ("deadline_left_ns", 3, "int64", False),
        ("blob", 4, "bytes", False),
        ("big_number", 5, "int64", False),
        ("node_tags", 6, "string", True),
    ],
    "CountRequest": [("upto", 1, "int64", False), ("pause_ms", 2, "int64", False)],
    "CountResponse": [("value", 1, "int64", False)],
    "ChatMessage": [("text", 1, "string", False), ("seq", 2, "int64", False)],
}

# method -> (request, response, client streams, server streams)
METHODS = {
    "Hello": ("HelloRequest", "HelloResponse", False, False),
    "Count": ("CountRequest", "CountResponse", False, True),
    "Chat": ("ChatMessage", "ChatMessage", True, True),
    "Gather": ("ChatMessage", "ChatMessage", True, False),
}


def _file_descriptor():
    file = descriptor_pb2.FileDescriptorProto(name="greeter.proto", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            message.field.add(name=field, number=number, type=_TYPES[kind], label=label)
        if name == "HelloResponse":
            entry = message.nested_type.add(name="MetadataEntry")
            entry.options.map_entry = True
            for field, number in (("key", 1), ("value", 2)):
                entry.field.add(name=field, number=number, type=_FIELD.TYPE_STRING, label=_FIELD.LABEL_OPTIONAL)
            message.field.add(
                name="metadata",
                number=2,
                type=_FIELD.TYPE_MESSAGE,
                label=_FIELD.LABEL_REPEATED,
                type_name=".HelloResponse.MetadataEntry",
            )
    service = file.service.add(name=SERVICE)
    for method, (request, response, client_streams, server_streams) in METHODS.items():
        service.method.add(
            name=method,
            input_type="." + request,
            output_type="." + response,
            client_streaming=client_streams,
            server_streaming=server_streams,
        )
    return file


descriptor_pool.Default().AddSerializedFile(_file_descriptor().SerializeToString())


def _class(name):
    return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))


HelloRequest = _class("HelloRequest")
HelloResponse = _class("HelloResponse")
CountRequest = _class("CountRequest")
CountResponse = _class("CountResponse")
ChatMessage = _class("ChatMessage")


def message_class(name):
    return globals()[name]


def pattern(count):
    """`count` bytes, byte i is i mod 251: a prime, so that a shift by a power of two shows."""
    cycle = bytes(range(251))
    return (cycle * (count // 251 + 1))[:count]


def blob_for_exact_size(size):
    """The blob whose HelloResponse, with no other field, is encoded in exactly `size` bytes."""
    for length_of_varint in range(1, 6):
        response = HelloResponse(blob=pattern(size - 1 - length_of_varint))
        if response.ByteSize() == size:
            return response.blob
    raise ValueError(f"no blob gives {size} bytes")
