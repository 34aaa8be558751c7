package bus

// Names on the server. An agent's subjects have its city as their third token,
// which the server compares with the key's rights.
const (
	streamName   = "MATRIX"
	roundsBucket = "matrix_rounds"
	leasesBucket = "matrix_leases"

	toPrefix   = "matrix.to."
	saidPrefix = "matrix.said."
	livePrefix = "matrix.live."
)

func toSubject(city string) string        { return toPrefix + city }
func saidSubject(city, run string) string { return saidPrefix + city + "." + run }
func liveSubject(city, run string) string { return livePrefix + city + "." + run }

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

// AgentRights are those of a city's agent: its own samples, its own jobs.
func AgentRights(city string) Rights {
	return Rights{
		Publish:   []string{saidSubject(city, "*"), liveSubject(city, "*")},
		Subscribe: []string{toSubject(city), inbox(city) + ".>"},
		Respond:   true,
	}
}

// CoordinatorRights are those of a coordinator: orders to everybody, and the
// books; it may not speak for a city.
func CoordinatorRights() Rights {
	return Rights{
		Publish:   []string{toPrefix + "*", "$JS.API.>", "$JS.ACK.>", "$JS.FC.>", "$KV." + roundsBucket + ".>", "$KV." + leasesBucket + ".>"},
		Subscribe: []string{saidPrefix + ">", livePrefix + ">", inbox("") + ".>"},
	}
}
