// Package ssh starts the far side in a city through the machine's own ssh
// client, so that everything people have set up in their ssh configuration
// (jump hosts, known hosts, agents, certificates, masters) holds here too. Host
// keys are checked as that configuration says, never less.
//
//	city ─ Dialer.Dial ─ ssh -T … host 'start script' ─ far side's stdin, stdout
//	                       │ exit 86: no matrix there
//	                       └─ missing.Install ─ ssh -T … host 'install script' < matrix
//
// Any command that is called as ssh is, with a destination and a command line,
// can take its place (--rsh), as with rsync.
//
// A fresh connection costs about 0.1 s of processor time, one through a
// standing master 6 ms. So, unless the user's configuration has its own mind
// about it, connections go through masters that stay for a while, with their
// sockets in a private folder.
package ssh
