// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// call calls Greeter.Hello or Greeter.Count of a service as a go-micro client does, and prints what it got as JSON:
// the response, each message of a stream, or {"grpc_status":…,"message":…}.
func call(registry string, name string, method string, argument string, subtype string, limit time.Duration) error {
	client, err := connect(registry)
	if err != nil {
		return err
	}
	target, err := find(client, name)
	if err != nil {
		return err
	}
	connection, err := grpc.Dial(target.Address, grpc.WithInsecure(), grpc.WithBlock(), grpc.WithTimeout(5*time.Second))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(
		ctx, "timeout", strconv.FormatInt(limit.Nanoseconds(), 10), "x-content-type", "application/"+subtype,
		"micro-from-service", "go.micro.peer", "x-mark", "1")
	path := "/" + name + ".Greeter/" + method
	// A stream's subtype is left out, as go-micro 1.18 does; it means protobuf then.
	if method == "Count" {
		if subtype == "json" {
			return count(ctx, connection, path, argument, subtype, grpc.CallContentSubtype("json"))
		}
		return count(ctx, connection, path, argument, subtype, grpc.ForceCodec(rawCodec{""}))
	}
	request := frame{helloRequest.encode(greeting{Name: argument}, subtype)}
	var reply frame
	if err := connection.Invoke(ctx, path, &request, &reply, grpc.CallContentSubtype(subtype)); err != nil {
		return printStatus(err)
	}
	return show(reply.data, helloResponse, subtype)
}

// count reads a stream to its end. Like go-micro's clients it never half-closes.
func count(
	ctx context.Context, connection *grpc.ClientConn, path string, argument string, subtype string,
	option grpc.CallOption,
) error {
	upto, err := strconv.ParseInt(argument, 10, 64)
	if err != nil {
		return err
	}
	description := grpc.StreamDesc{StreamName: "Count", ClientStreams: true, ServerStreams: true}
	stream, err := connection.NewStream(ctx, &description, path, option)
	if err != nil {
		return printStatus(err)
	}
	if err := stream.SendMsg(&frame{countRequest.encode(greeting{Upto: upto}, subtype)}); err != nil {
		return printStatus(err)
	}
	for {
		var reply frame
		err := stream.RecvMsg(&reply)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return printStatus(err)
		}
		if err := show(reply.data, countResponse, subtype); err != nil {
			return err
		}
	}
}

func show(data []byte, kind message, subtype string) error {
	if subtype == "json" {
		fmt.Println(strings.TrimSpace(string(data)))
		return nil
	}
	value, err := kind.decode(data, subtype)
	if err != nil {
		return err
	}
	text, err := json.Marshal(value)
	fmt.Println(string(text))
	return err
}

func printStatus(err error) error {
	answer := status.Convert(err)
	text, err := json.Marshal(map[string]interface{}{"grpc_status": int(answer.Code()), "message": answer.Message()})
	fmt.Println(string(text))
	return err
}
