// Package server is a NATS server in the program itself, for fleets that have
// none, and the configuration of any: who may say what (bus.Rights), as the
// server's own files.
//
//	Make ─ nats.conf, users.conf, certificates, a key file a city
//	          └─ Start (in this program), or nats-server -c nats.conf
package server
