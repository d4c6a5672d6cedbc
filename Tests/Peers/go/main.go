// SPDX-License-Identifier: Apache-2.0

// A peer on grpc-go and etcd's own Go client that speaks as go-micro's gRPC plugins do: a server that answers calls of
// any path by its unknown-service handler, in protobuf and JSON, and a client that sends go-micro's headers; both by
// go-micro's records in etcd.
//
//	peer serve -registry 127.0.0.1:2379 -name go.micro.peer
//	peer call -registry 127.0.0.1:2379 -name go.micro.server -method Hello -argument John -subtype json
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	registerRawCodecs()
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: peer serve|call [flags]")
		os.Exit(2)
	}
	flags := flag.NewFlagSet("peer", flag.ExitOnError)
	registry := flags.String("registry", "127.0.0.1:2379", "etcd's host:port")
	name := flags.String("name", "go.micro.peer", "the service")
	method := flags.String("method", "Hello", "Hello or Count")
	argument := flags.String("argument", "", "the name to greet, or how far to count")
	subtype := flags.String("subtype", "proto", "proto or json")
	limit := flags.Duration("timeout", 10*time.Second, "the longest a call may take")
	flags.Parse(os.Args[2:])
	var err error
	switch os.Args[1] {
	case "serve":
		err = serve(*registry, *name)
	case "call":
		err = call(*registry, *name, *method, *argument, *subtype, *limit)
	default:
		err = fmt.Errorf("what is %s?", os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
