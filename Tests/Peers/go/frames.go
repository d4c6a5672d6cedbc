// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/golang/protobuf/proto"
	"google.golang.org/grpc/encoding"
)

// frame is a message whose bytes are left to the handler, as go-micro's servers do.
type frame struct {
	data []byte
}

// rawCodec hands messages through. It is registered under the names of both subtypes, so that grpc-go accepts
// application/grpc+proto and application/grpc+json and answers in what it was asked. As "proto" it is the one codec of
// the whole process: etcd's client needs it to go on writing real messages.
type rawCodec struct {
	name string
}

func (c rawCodec) Marshal(value interface{}) ([]byte, error) {
	if message, ok := value.(*frame); ok {
		return message.data, nil
	}
	if message, ok := value.(proto.Message); ok {
		return proto.Marshal(message)
	}
	return nil, fmt.Errorf("%T is no message", value)
}

func (c rawCodec) Unmarshal(data []byte, value interface{}) error {
	if message, ok := value.(*frame); ok {
		message.data = append([]byte(nil), data...)
		return nil
	}
	if message, ok := value.(proto.Message); ok {
		return proto.Unmarshal(data, message)
	}
	return fmt.Errorf("%T is no message", value)
}

func (c rawCodec) Name() string { return c.name }

func registerRawCodecs() {
	encoding.RegisterCodec(rawCodec{"json"})
	encoding.RegisterCodec(rawCodec{"proto"})
}

// The messages of the Greeter, with their protobuf field numbers. JSON names are lowerCamelCase and 64-bit numbers are
// strings, as protobuf's own mapping says.
type greeting struct {
	Name     string            `json:"name,omitempty"`
	Greeting string            `json:"greeting,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Upto     int64             `json:"upto,string,omitempty"`
	Value    int64             `json:"value,string,omitempty"`
}

// message says which of the fields above belong to a message, and under which numbers.
type message map[int]string

var (
	helloRequest  = message{1: "name"}
	helloResponse = message{1: "greeting", 2: "metadata"}
	countRequest  = message{1: "upto"}
	countResponse = message{1: "value"}
)

func (m message) decode(data []byte, subtype string) (greeting, error) {
	var result greeting
	if subtype == "json" {
		return result, json.Unmarshal(data, &result)
	}
	malformed := errors.New("grpc: failed to unmarshal the received message unexpected EOF")
	for len(data) > 0 {
		tag, width := binary.Uvarint(data)
		if width <= 0 {
			return result, malformed
		}
		data = data[width:]
		number, width := binary.Uvarint(data)
		if width <= 0 {
			return result, malformed
		}
		data = data[width:]
		field := m[int(tag>>3)]
		switch tag & 7 {
		case 0:
			if field == "upto" {
				result.Upto = int64(number)
			}
			if field == "value" {
				result.Value = int64(number)
			}
		case 2:
			if uint64(len(data)) < number {
				return result, malformed
			}
			text := string(data[:number])
			data = data[number:]
			if field == "name" {
				result.Name = text
			}
			if field == "greeting" {
				result.Greeting = text
			}
		default:
			return result, malformed
		}
	}
	return result, nil
}

func (m message) encode(value greeting, subtype string) []byte {
	if subtype == "json" {
		data, _ := json.Marshal(value)
		return data
	}
	var data []byte
	for number := 1; number <= len(m); number++ {
		switch m[number] {
		case "name":
			data = appendText(data, number, value.Name)
		case "greeting":
			data = appendText(data, number, value.Greeting)
		case "upto":
			data = appendNumber(data, number, value.Upto)
		case "value":
			data = appendNumber(data, number, value.Value)
		case "metadata":
			for key, text := range value.Metadata {
				entry := appendText(appendText(nil, 1, key), 2, text)
				data = appendText(data, number, string(entry))
			}
		}
	}
	return data
}

func appendText(data []byte, number int, text string) []byte {
	if text == "" {
		return data
	}
	data = appendVarint(data, uint64(number)<<3|2)
	data = appendVarint(data, uint64(len(text)))
	return append(data, text...)
}

func appendNumber(data []byte, number int, value int64) []byte {
	if value == 0 {
		return data
	}
	return appendVarint(appendVarint(data, uint64(number)<<3), uint64(value))
}

func appendVarint(data []byte, number uint64) []byte {
	var buffer [binary.MaxVarintLen64]byte
	return append(data, buffer[:binary.PutUvarint(buffer[:], number)]...)
}
