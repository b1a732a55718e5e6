"""Will it deploy, will it run, is it safe? One small rule a function, over the graph that is deployed."""
