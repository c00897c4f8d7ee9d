"""Run a study: plan its jobs, train them, watch them, measure speed. The only room that sees both wings."""
