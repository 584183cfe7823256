"""Stack Exchange's dumps: sites, rows of posts, and the join of questions and answers."""
