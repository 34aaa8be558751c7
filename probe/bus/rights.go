package bus

import "time"

// Names on the server. An agent's subjects have its city as their third token,
// which the server compares with the key's rights.
const (
	streamName   = "MATRIX"
	roundsBucket = "matrix_rounds"
	leasesBucket = "matrix_leases"
	plansBucket  = "matrix_plans" // the fleet's plan, below one key
	planKey      = "current"
	signsStream  = "MATRIX_SIGNS" // the last sign of life of each agent

	toPrefix   = "matrix.to."
	saidPrefix = "matrix.said."
	livePrefix = "matrix.live."
	signPrefix = "matrix.sign."

	// planSubject is where it is said that there is another plan. Agents fetch it
	// then, with one request to planAPI that can read nothing else: who listened to
	// the bucket's own subject could answer, in the server's name, who writes there.
	planSubject = "matrix.plan"
	planAPI     = "$JS.API.DIRECT.GET.KV_" + plansBucket + ".$KV." + plansBucket + "." + planKey
)

func toSubject(city string) string        { return toPrefix + city }
func saidSubject(city, run string) string { return saidPrefix + city + "." + run }
func liveSubject(city, run string) string { return livePrefix + city + "." + run }
func signSubject(city string) string      { return signPrefix + city }

// inbox is where the answers to a city's own requests come to; "" is the
// coordinators'.
func inbox(city string) string {
	if city == "" {
		return "_INBOX_COORDINATOR"
	}
	return "_INBOX_CITY_" + city
}

// Account is the account on the server of a city's agent. That of the coordinators, of
// "", has the stream and the books. The server answers a message at whatever subject it
// names, without asking what the key may publish to: but in the account of the key,
// where nothing belongs to anybody else.
func Account(city string) string {
	if city == "" {
		return "MATRIX"
	}
	return "CITY_" + city
}

// Passage is a subject on which messages pass from an account to another, and, within
// Answer, their answers back; or, where it is Heard, what the other account says.
type Passage struct {
	Subject string
	Answer  time.Duration
	Heard   bool
}

// noAnswer is for messages that nobody answers. The server keeps a place for the answer
// of each that asks for one all the same: a thief could fill its memory with them.
const noAnswer = time.Second

// CoordinatorPassages lead from a city's account to the coordinators'; "*" is for every
// city.
func CoordinatorPassages(city string) []Passage {
	return []Passage{
		{Subject: saidSubject(city, "*"), Answer: sendLimit},
		{Subject: liveSubject(city, "*"), Answer: noAnswer},
		{Subject: signSubject(city), Answer: sendLimit},
		{Subject: planAPI, Answer: sendLimit},
		{Subject: planSubject, Heard: true},
	}
}

// AgentPassages lead from the coordinators' account to a city's.
func AgentPassages(city string) []Passage {
	return []Passage{{Subject: toSubject(city), Answer: jobLimit}}
}

// Rights are the subjects that a key may publish to and subscribe to. One that
// may Respond may also answer, once, each message that it was sent.
type Rights struct {
	Publish, Subscribe []string
	Respond            bool
}

// AgentRights are those of a city's agent: its own samples, its own signs of
// life, its own jobs, and to read the fleet's plan.
func AgentRights(city string) Rights {
	return Rights{
		Publish:   []string{saidSubject(city, "*"), liveSubject(city, "*"), signSubject(city), planAPI},
		Subscribe: []string{toSubject(city), planSubject, inbox(city) + ".>"},
		Respond:   true,
	}
}

// CoordinatorRights are those of a coordinator: orders to everybody, the fleet's
// plan, and the books; it may not speak for a city.
func CoordinatorRights() Rights {
	return Rights{
		Publish: []string{
			toPrefix + "*", planSubject, "$JS.API.>", "$JS.ACK.>", "$JS.FC.>",
			"$KV." + roundsBucket + ".>", "$KV." + leasesBucket + ".>", "$KV." + plansBucket + ".>",
		},
		Subscribe: []string{saidPrefix + ">", livePrefix + ">", inbox("") + ".>"},
	}
}
