"""What a run will ask and cost, before it spends anything: the plan, and what it rests on."""
