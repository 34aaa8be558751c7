package lab

import (
	"errors"
	"fmt"
)

// change carries out a change to a running network.
func (n *network) change(c *Change) error {
	if c.To == "" {
		return n.changeCity(c)
	}
	if c.Down != nil {
		return errors.New("down is said of a city, not of a pair")
	}
	route := Route{From: c.From, To: c.To, RTT: c.RTT, Loss: c.Loss, Jitter: c.Jitter}
	if err := route.check(); err != nil {
		return fmt.Errorf("%s → %s: %w", c.From, c.To, err)
	}
	pairs, err := n.pairs(c.From, c.To)
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		n.say(pair, &route, nil)
		slot := &n.paths[int(pair[0])*len(n.hosts)+int(pair[1])]
		changed := n.makePath(pair[0], pair[1])
		if *slot != nil {
			changed.dice = (*slot).dice // the seed's sequence goes on
		}
		*slot = changed
	}
	return nil
}

func (n *network) changeCity(c *Change) error {
	if c.Down == nil || c.RTT != nil || c.Loss != nil || c.Jitter != nil {
		return errors.New("of a city only down or up can be said; loss, rtt and jitter are said of a pair")
	}
	cities, err := n.match(c.From)
	if err != nil {
		return err
	}
	for _, city := range cities {
		n.hosts[city].down = *c.Down
	}
	return nil
}
