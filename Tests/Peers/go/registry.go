// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.etcd.io/etcd/clientv3"
)

// The records of go-micro's etcd registry.
type record struct {
	Name      string            `json:"name"`
	Version   string            `json:"version"`
	Metadata  map[string]string `json:"metadata"`
	Endpoints []endpoint        `json:"endpoints"`
	Nodes     []node            `json:"nodes"`
}

type node struct {
	ID       string            `json:"id"`
	Address  string            `json:"address"`
	Metadata map[string]string `json:"metadata"`
}

type endpoint struct {
	Name     string            `json:"name"`
	Request  *value            `json:"request"`
	Response *value            `json:"response"`
	Metadata map[string]string `json:"metadata"`
}

type value struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Values []*value `json:"values"`
}

const prefix = "/micro/registry/"

func connect(address string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: []string{address}, DialTimeout: 5 * time.Second})
}

// register writes the one node of a record under a lease of 15 seconds.
func register(client *clientv3.Client, service record) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	lease, err := client.Grant(ctx, 15)
	if err != nil {
		return err
	}
	text, err := json.Marshal(service)
	if err != nil {
		return err
	}
	_, err = client.Put(
		ctx, prefix+service.Name+"/"+service.Nodes[0].ID, string(text), clientv3.WithLease(lease.ID))
	return err
}

func deregister(client *clientv3.Client, service record) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := client.Delete(ctx, prefix+service.Name+"/"+service.Nodes[0].ID)
	return err
}

// find returns the first node of a service.
func find(client *clientv3.Client, name string) (node, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	reply, err := client.Get(ctx, prefix+name+"/", clientv3.WithPrefix(), clientv3.WithSerializable())
	if err != nil {
		return node{}, err
	}
	for _, pair := range reply.Kvs {
		var service record
		if json.Unmarshal(pair.Value, &service) == nil && len(service.Nodes) > 0 {
			return service.Nodes[0], nil
		}
	}
	return node{}, errors.New("service " + name + ": not found")
}
