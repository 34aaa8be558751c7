package bus

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
