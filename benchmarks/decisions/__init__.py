"""What the gate's decisions gain and cost on real streams that nobody tuned a spec for."""
