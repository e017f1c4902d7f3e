"""Who answers: topic and urgency, candidates, scores, decisions."""
