/** The requests that one peer still owes us, and how many there should be: skeleton. */
export class RequestWindow {}
