// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// microError is go-micro's errors.Error, which travels as JSON in the status message.
type microError struct {
	ID     string `json:"id"`
	Code   int32  `json:"code"`
	Detail string `json:"detail"`
	Status string `json:"status"`
}

func (e microError) grpc() error {
	text, _ := json.Marshal(e)
	code := codes.Internal
	if e.Code == 404 {
		code = codes.NotFound
	}
	return status.Error(code, string(text))
}

type server struct {
	name string
}

// handle answers every call, whatever its path: only its last parts count.
func (s server) handle(_ interface{}, stream grpc.ServerStream) error {
	path, _ := grpc.MethodFromServerStream(stream)
	parts := strings.Split(path, "/")
	if len(parts) != 3 || parts[2] == "" {
		return status.Errorf(codes.ResourceExhausted, "malformed method name: %q", path)
	}
	handler := parts[1][strings.LastIndex(parts[1], ".")+1:]
	headers, _ := metadata.FromIncomingContext(stream.Context())
	subtype := strings.TrimPrefix(strings.Join(headers.Get("content-type"), ""), "application/grpc+")
	if subtype != "json" {
		subtype = "proto"
	}
	if handler != "Greeter" {
		return status.Error(codes.Unimplemented, "unknown service "+handler)
	}
	ctx := stream.Context()
	if text := strings.Join(headers.Get("timeout"), ""); text != "" {
		if nanoseconds, err := strconv.ParseInt(text, 10, 64); err == nil {
			limited, cancel := context.WithTimeout(ctx, time.Duration(nanoseconds))
			defer cancel()
			ctx = limited
		}
	}
	switch parts[2] {
	case "Hello":
		return s.hello(ctx, stream, headers, subtype)
	case "Count":
		return s.count(ctx, stream, subtype)
	default:
		return status.Error(codes.Unimplemented, "unknown service "+handler+"."+parts[2])
	}
}

func (s server) hello(ctx context.Context, stream grpc.ServerStream, headers metadata.MD, subtype string) error {
	var request frame
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	hello, err := helloRequest.decode(request.data, subtype)
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	switch hello.Name {
	case "":
		return microError{s.name, 404, "no name", "Not Found"}.grpc()
	case "%":
		return microError{s.name, 500, "100% wrong", "Internal Server Error"}.grpc()
	case "sleep":
		select {
		case <-ctx.Done():
			return microError{s.name, 408, "slept too long", "Request Timeout"}.grpc()
		case <-time.After(30 * time.Second):
		}
	}
	seen := map[string]string{}
	for _, key := range []string{"timeout", "x-content-type", "content-type", "micro-from-service", "x-mark"} {
		if values := headers.Get(key); len(values) > 0 {
			seen[key] = strings.Join(values, ", ")
		}
	}
	response := helloResponse.encode(greeting{Greeting: "Hello " + hello.Name, Metadata: seen}, subtype)
	return stream.SendMsg(&frame{response})
}

func (s server) count(ctx context.Context, stream grpc.ServerStream, subtype string) error {
	var request frame
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	wanted, err := countRequest.decode(request.data, subtype)
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	for number := int64(0); number < wanted.Upto; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := stream.SendMsg(&frame{countResponse.encode(greeting{Value: number}, subtype)}); err != nil {
			return err
		}
	}
	return nil
}

// serve runs until SIGTERM. It prints its address when it is registered, or listens if it is given no registry.
func serve(registry string, name string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	grpcServer := grpc.NewServer(grpc.UnknownServiceHandler(server{name}.handle))
	go grpcServer.Serve(listener)

	address := listener.Addr().String()
	if registry == "" {
		fmt.Println("listening", address)
		waitForSignal()
		grpcServer.Stop()
		return nil
	}
	client, err := connect(registry)
	if err != nil {
		return err
	}
	text := &value{Name: "name", Type: "string"}
	service := record{
		Name: name, Version: "go",
		Endpoints: []endpoint{
			{
				Name: "Greeter.Count", Request: &value{Name: "Context", Type: "Context"},
				Response: &value{Name: "Stream", Type: "Stream"}, Metadata: map[string]string{"stream": "true"},
			},
			{
				Name:     "Greeter.Hello",
				Request:  &value{Name: "HelloRequest", Type: "HelloRequest", Values: []*value{text}},
				Response: &value{Name: "HelloResponse", Type: "HelloResponse"}, Metadata: map[string]string{},
			},
		},
		Nodes: []node{{
			ID: fmt.Sprintf("%s-%d", name, os.Getpid()), Address: address,
			Metadata: map[string]string{
				"broker": "http", "protocol": "grpc", "registry": "etcd", "server": "grpc", "transport": "grpc",
			},
		}},
	}
	if err := register(client, service); err != nil {
		return err
	}
	fmt.Println("listening", address)
	waitForSignal()
	err = deregister(client, service)
	grpcServer.Stop()
	return err
}

func waitForSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
}
